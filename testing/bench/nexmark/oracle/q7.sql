-- Highest bid: of each window of 10 s, the bids at its highest price; a bid at the window's very end counts as well.
WITH highest AS (
  SELECT dateTime // 10000 * 10000 AS start, max(price) AS price
  FROM bid WHERE dateTime // 10000 * 10000 + 10000 > watermark
  GROUP BY ALL
)
SELECT b.auction, b.bidder, b.price, b.dateTime, b.extra
FROM bid b JOIN highest h ON b.price = h.price AND b.dateTime BETWEEN h.start AND h.start + 10000
