-- Low averages: bids of a bidder on an auction whose average, so far, stays below 10,000; ended by the first bid that lifts it to
-- 10,000 or more. The next search begins after that bid; a beginning that nothing ends is no match, and the search begins at the
-- next bid. From all beginnings as in cep2, the first, then the first behind the one before.
WITH RECURSIVE bids AS (
  SELECT auction, bidder, price, dateTime, row_number() OVER sequence AS place,
    sum(price - 10000) OVER (sequence ROWS UNBOUNDED PRECEDING) AS y, sum(price) OVER (sequence ROWS UNBOUNDED PRECEDING) AS total
  FROM bid WINDOW sequence AS (PARTITION BY auction, bidder ORDER BY dateTime, seq)
), match AS (
  SELECT a.auction, a.bidder, a.place, a.dateTime, a.total - a.price AS before, min(b.place) AS ended
  FROM bids a JOIN bids b ON b.auction = a.auction AND b.bidder = a.bidder AND b.place > a.place AND b.y >= a.y - (a.price - 10000)
  WHERE a.price < 10000
  GROUP BY ALL
), chosen AS (
  SELECT auction, bidder, min(place) AS place FROM match GROUP BY auction, bidder
  UNION ALL
  SELECT * FROM (
    SELECT c.auction, c.bidder, min(later.place) AS place
    FROM chosen c
      JOIN match m ON m.auction = c.auction AND m.bidder = c.bidder AND m.place = c.place
      JOIN match later ON later.auction = c.auction AND later.bidder = c.bidder AND later.place > m.ended
    GROUP BY c.auction, c.bidder
  )
)
SELECT m.auction, m.bidder, m.dateTime AS start_tstamp, l.dateTime AS end_tstamp,
  ((l.total - m.before) // (m.ended - m.place))::BIGINT AS avg_price
FROM match m JOIN chosen USING (auction, bidder, place)
  JOIN bids l ON l.auction = m.auction AND l.bidder = m.bidder AND l.place = m.ended - 1
