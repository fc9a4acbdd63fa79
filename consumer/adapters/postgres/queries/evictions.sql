-- What the cache must forget. A row is deleted by its id: one that is stored meanwhile, for the same session, stays.

-- name: put
-- Stores that the cache must forget the sessions $1, $2; notifies the loop that makes it forget.
WITH put AS (
    INSERT INTO cache_evictions (tenant_id, session_id) SELECT * FROM unnest($1::text[], $2::text[]) RETURNING id
)
SELECT pg_notify('escalation_forget', '') FROM put LIMIT 1;

-- name: put_drafted
-- As `put`, for those of the sessions that were ever drafted: of others the cache holds nothing.
WITH put AS (
    INSERT INTO cache_evictions (tenant_id, session_id)
    SELECT s.tenant_id, s.session_id FROM unnest($1::text[], $2::text[]) AS s (tenant_id, session_id)
    WHERE EXISTS (SELECT FROM drafts AS d WHERE (d.tenant_id, d.session_id) = (s.tenant_id, s.session_id))
    RETURNING id
)
SELECT pg_notify('escalation_forget', '') FROM put LIMIT 1;

-- name: waiting
-- The $1 oldest.
SELECT id, tenant_id, session_id FROM cache_evictions ORDER BY id LIMIT $1;

-- name: acknowledged
-- Rows that another replica is deleting at this moment are left to it.
DELETE FROM cache_evictions
WHERE id IN (SELECT id FROM cache_evictions WHERE id = ANY($1::bigint[]) FOR UPDATE SKIP LOCKED);
