-- Low averages: bids of a bidder on an auction whose average, so far, stays below 10,000; ended by the first bid that lifts it to
-- 10,000 or more. The next search begins after that bid.
WITH RECURSIVE bids AS (
  SELECT auction, bidder, price, dateTime, row_number() OVER (PARTITION BY auction, bidder ORDER BY dateTime, seq) AS place
  FROM bid
), walk AS (
  SELECT auction, bidder, 0::BIGINT AS place, 0::BIGINT AS num, 0::HUGEINT AS total, 0::BIGINT AS first, 0::BIGINT AS last,
    false AS found, 0::BIGINT AS start_tstamp, 0::BIGINT AS end_tstamp, 0::BIGINT AS avg_price
  FROM (SELECT DISTINCT auction, bidder FROM bids)
  UNION ALL
  SELECT auction, bidder, b.place,
    CASE WHEN low THEN num + 1 ELSE 0 END, CASE WHEN low THEN total + price ELSE 0 END,
    CASE WHEN num = 0 THEN dateTime ELSE first END, dateTime,
    num > 0 AND NOT low, first, last, CASE WHEN num > 0 AND NOT low THEN (total // num)::BIGINT ELSE 0 END
  FROM (
    SELECT w.auction, w.bidder, w.num, w.total, w.first, w.last, b.place, b.price, b.dateTime,
      w.total + b.price < 10000 * (w.num + 1) AS low
    FROM walk w JOIN bids b ON b.auction = w.auction AND b.bidder = w.bidder AND b.place = w.place + 1
  ) b
)
SELECT auction, bidder, start_tstamp, end_tstamp, avg_price FROM walk WHERE found
