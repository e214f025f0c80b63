-- The ten highest bids of each auction, with their ranks.
SELECT auction, price, row_number() OVER (PARTITION BY auction ORDER BY price DESC) AS rank_number
FROM bid QUALIFY rank_number <= 10
