-- Falling prices: a bidder's bids on an auction fall at least twice in a row, then one is above the last but one of them. The next
-- search begins at that last bid, so it is enough to cut the bids into runs that fall: the first bid of the next run ends it.
WITH bids AS (
  SELECT auction, bidder, price, dateTime, row_number() OVER sequence AS place,
    coalesce(price >= lag(price) OVER sequence, true) AS begins
  FROM bid WINDOW sequence AS (PARTITION BY auction, bidder ORDER BY dateTime, seq)
), run AS (
  SELECT *, count(*) FILTER (begins) OVER (PARTITION BY auction, bidder ORDER BY place) AS number FROM bids
), span AS (
  SELECT auction, bidder, number, count(*) AS length, min(dateTime) AS first, max(dateTime) AS last,
    arg_max(price, place) FILTER (place < last_place) AS last_but_one
  FROM (SELECT *, max(place) OVER (PARTITION BY auction, bidder, number) AS last_place FROM run)
  GROUP BY auction, bidder, number
)
SELECT s.auction, s.bidder, s.first AS start_tstamp, s.last AS bottom_tstamp, up.dateTime AS end_tstamp
FROM span s JOIN run up ON up.auction = s.auction AND up.bidder = s.bidder AND up.number = s.number + 1 AND up.begins
WHERE s.length >= 3 AND up.price > s.last_but_one
