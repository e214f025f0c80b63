-- Local item suggestion: who sells in category 10 in three states. An unbounded join: each pair once.
SELECT p.name, p.city, p.state, a.id
FROM auction a JOIN person p ON a.seller = p.id
WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA')
