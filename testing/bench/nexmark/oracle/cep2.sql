-- As cep1, but the next search begins at the next bid: from each bid below 10,000, the bids until the average is not below it.
-- With y = sum - 10,000 * count, the average from bid i on is below 10,000 as long as y stays below what it was before i.
WITH bids AS (
  SELECT auction, bidder, price, dateTime, row_number() OVER sequence AS place,
    sum(price - 10000) OVER (sequence ROWS UNBOUNDED PRECEDING) AS y, sum(price) OVER (sequence ROWS UNBOUNDED PRECEDING) AS total
  FROM bid WINDOW sequence AS (PARTITION BY auction, bidder ORDER BY dateTime, seq)
), match AS (
  SELECT a.auction, a.bidder, a.place, a.dateTime, a.total - a.price AS before, min(b.place) AS ended
  FROM bids a JOIN bids b ON b.auction = a.auction AND b.bidder = a.bidder AND b.place > a.place AND b.y >= a.y - (a.price - 10000)
  WHERE a.price < 10000
  GROUP BY ALL
)
SELECT m.auction, m.bidder, m.dateTime AS start_tstamp, l.dateTime AS end_tstamp,
  ((l.total - m.before) // (m.ended - m.place))::BIGINT AS avg_price
FROM match m JOIN bids l ON l.auction = m.auction AND l.bidder = m.bidder AND l.place = m.ended - 1
