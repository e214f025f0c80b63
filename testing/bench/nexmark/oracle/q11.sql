-- User sessions: the bids of each bidder with less than 10 s between two of them.
WITH cut AS (
  SELECT bidder, dateTime, dateTime - lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime) >= 10000 AS begins
  FROM bid
), session AS (
  SELECT bidder, dateTime, count(*) FILTER (begins) OVER (PARTITION BY bidder ORDER BY dateTime) AS number
  FROM cut
)
SELECT bidder, count(*) AS bid_count, min(dateTime) AS starttime, max(dateTime) + 10000 AS endtime
FROM session GROUP BY bidder, number
