-- Price drop: a bidder's bid on an auction that is more than 50 below an earlier one, less than 5 s later, with only bids between
-- them that are above that mark. The next search begins after that bid.
WITH RECURSIVE bids AS (
  SELECT auction, bidder, price, dateTime, row_number() OVER (PARTITION BY auction, bidder ORDER BY dateTime, seq) AS place
  FROM bid
), ending AS (
  SELECT a.auction, a.bidder, a.place, a.price AS high, min(b.place) AS ended
  FROM bids a JOIN bids b ON b.auction = a.auction AND b.bidder = a.bidder AND b.place > a.place AND b.price <= a.price - 50
    AND b.dateTime - a.dateTime < 5000
  GROUP BY ALL
), drop AS (
  SELECT e.auction, e.bidder, e.place, e.ended, e.high - c.price AS drop_diff, c.dateTime AS drop_time
  FROM ending e JOIN bids c ON c.auction = e.auction AND c.bidder = e.bidder AND c.place = e.ended
  WHERE c.price < e.high - 50
), chosen AS (
  SELECT auction, bidder, min(place) AS place FROM drop GROUP BY auction, bidder
  UNION ALL
  SELECT * FROM (
    SELECT c.auction, c.bidder, min(later.place) AS place
    FROM chosen c
      JOIN drop d ON d.auction = c.auction AND d.bidder = c.bidder AND d.place = c.place
      JOIN drop later ON later.auction = c.auction AND later.bidder = c.bidder AND later.place > d.ended
    GROUP BY c.auction, c.bidder
  )
)
SELECT auction, bidder, drop_time, drop_diff FROM drop JOIN chosen USING (auction, bidder, place)
