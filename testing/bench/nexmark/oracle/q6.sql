-- Average selling price of each seller's last 11 auctions, as of each auction that found a buyer, truncated. Auctions
-- follow each other by the time of the winning bid, those of one time by their ids (the original leaves ties open).
WITH winner AS (
  SELECT a.id, a.seller, b.price, b.dateTime
  FROM auction a JOIN bid b ON a.id = b.auction AND b.dateTime BETWEEN a.dateTime AND a.expires
  QUALIFY row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.dateTime) = 1
)
SELECT seller, id AS auction, (sum(price) OVER latest // count(*) OVER latest)::BIGINT AS price
FROM winner
WINDOW latest AS (PARTITION BY seller ORDER BY dateTime, id ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)
