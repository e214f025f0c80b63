-- Log to file system: every bid, in files by day and minute.
SELECT auction, bidder, price, dateTime, extra, day_of(dateTime) AS dt, minute_of(dateTime) AS hm FROM bid
