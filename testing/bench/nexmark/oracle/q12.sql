-- Processing-time windows: the bids of each bidder within 10 s of the clock that was shown as each bid was processed.
SELECT bidder, count(*) AS bid_count, clock // 10000 * 10000 AS starttime, clock // 10000 * 10000 + 10000 AS endtime
FROM bid GROUP BY bidder, clock // 10000
