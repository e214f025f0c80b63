-- Winning bids: of each auction the highest bid, of equal ones the earliest.
SELECT a.id, b.price, b.dateTime AS bidDateTime
FROM auction a JOIN bid b ON a.id = b.auction AND b.dateTime BETWEEN a.dateTime AND a.expires
QUALIFY row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.dateTime) = 1
