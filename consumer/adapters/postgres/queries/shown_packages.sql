-- Single packages, as the console and `package diff` show them. Every look-up is by a key.

-- name: package
SELECT tenant_id, session_id, request_id, event, created_at FROM packages WHERE package_id = $1;

-- name: revisions
-- All revisions of the note of the request $1 to $3, the oldest first.
SELECT package_id, revision, status, cause, state_version, content_sha256, created_at FROM packages
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3)
ORDER BY revision LIMIT 500;

-- name: before
SELECT old.package_id
FROM packages AS p JOIN packages AS old USING (tenant_id, session_id, request_id)
WHERE p.package_id = $1 AND old.revision < p.revision
ORDER BY old.revision DESC LIMIT 1;

-- name: events
-- The events of the session $1, $2 with the versions $3.
SELECT version, event_id, type, occurred_at, utc_offset, actor, data FROM session_events
WHERE tenant_id = $1 AND session_id = $2 AND version = ANY($3::bigint[]);
