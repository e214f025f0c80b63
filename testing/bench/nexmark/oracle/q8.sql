-- New users: who has joined and opened an auction within the same window of 10 s.
SELECT DISTINCT p.id, p.name, p.dateTime // 10000 * 10000 AS start
FROM person p JOIN auction a ON p.id = a.seller AND p.dateTime // 10000 = a.dateTime // 10000
WHERE p.dateTime // 10000 * 10000 + 10000 > p.watermark AND a.dateTime // 10000 * 10000 + 10000 > a.watermark
