-- Of bids at one time any may be the last.
SELECT auction, bidder, price, channel, url, dateTime, extra FROM bid
