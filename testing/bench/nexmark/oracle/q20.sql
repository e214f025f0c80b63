-- Bids with the auction that they are for, of category 10. An unbounded join: each pair once.
SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime AS bidDateTime, b.extra AS bidExtra,
  a.itemName, a.description, a.initialBid, a.reserve, a.dateTime AS auctionDateTime, a.expires, a.seller, a.category,
  a.extra AS auctionExtra
FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10
