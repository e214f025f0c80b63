-- Currency conversion: prices in euros, three decimals.
SELECT auction, bidder, CAST(0.908 * price AS DECIMAL(23, 3))::DOUBLE AS price, dateTime, extra FROM bid
