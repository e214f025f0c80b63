-- Hot items: of each window of 10 s, every 2 s, the auctions with the most bids; all of them if several have as many.
WITH hop AS (
  SELECT auction, (dateTime // 2000 - back) * 2000 AS start, count(*) AS num
  FROM bid, range(5) AS hops(back)
  WHERE (dateTime // 2000 - back) * 2000 + 10000 > watermark
  GROUP BY ALL
)
SELECT auction, num FROM hop QUALIFY num = max(num) OVER (PARTITION BY start)
