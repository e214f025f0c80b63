-- What the windows by the clock add up to, whatever the clock said.
SELECT bidder, count(*) AS bid_count FROM bid GROUP BY bidder
