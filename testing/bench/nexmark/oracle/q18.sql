-- Last bid of each bidder on each auction.
SELECT auction, bidder, max(dateTime) AS dateTime FROM bid GROUP BY ALL
