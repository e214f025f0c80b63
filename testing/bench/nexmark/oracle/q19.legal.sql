-- Bids at one price may have either's rank, and any of them the tenth.
SELECT auction, bidder, price, channel, url, dateTime, extra FROM bid
