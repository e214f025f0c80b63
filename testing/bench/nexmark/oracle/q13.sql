-- Bounded side input: each bid with the value of its key; the side input has rows "i,i" for i below 10,000.
SELECT auction, bidder, price, dateTime, side.value
FROM bid JOIN (SELECT i AS key, i::VARCHAR AS value FROM range(10000) AS numbers(i)) side ON auction % 10000 = side.key
