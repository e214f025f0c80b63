-- Calculation: bids of a middling price in euros, by time of day, with the number of letters c in their padding.
SELECT auction, bidder, (0.908 * price)::DOUBLE AS price,
  CASE
    WHEN hour(make_timestamp_ms(dateTime)) BETWEEN 8 AND 18 THEN 'dayTime'
    WHEN hour(make_timestamp_ms(dateTime)) <= 6 OR hour(make_timestamp_ms(dateTime)) >= 20 THEN 'nightTime'
    ELSE 'otherTime'
  END AS bidTimeType,
  dateTime, extra, len(regexp_replace(extra, '[^c]', '', 'g')) AS c_counts
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000
