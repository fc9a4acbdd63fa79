-- The final transactions of drafting. Each first locks the session's row, then the request's, as intake does.

-- name: lock_request
-- What the final transaction needs to know, and nothing if the lease was lost or the request has ended.
SELECT state, cause, replay_id, due_at, extract(epoch FROM due_at - now())::float8 AS due_in_seconds, priority,
       revision, revisions_by_change, upgrade_wanted,
       coalesce(extract(epoch FROM now() - first_done_at)::float8, 0) AS since_first_seconds,
       (SELECT count(*)::int FROM session_secrets WHERE (tenant_id, session_id) = ($1, $2)) AS secrets
FROM requests
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4 AND state IN ('open', 'done')
FOR UPDATE;

-- name: lock_outage
-- Against the deletion of the row only: who ends the outage waits, and then finds this upgrade.
SELECT true FROM model_outage FOR KEY SHARE;

-- name: schedule
-- Ends the lease. $5 seconds or null.
UPDATE requests
SET lease_token = NULL, leased_until = NULL, attempts = 0,
    due_at = now() + make_interval(secs => $5), cause = $6, replay_id = $7, rank = $8, upgrade_wanted = $9
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: note_package
-- As `schedule`, for a request that has its next package.
UPDATE requests
SET lease_token = NULL, leased_until = NULL, attempts = 0,
    due_at = now() + make_interval(secs => $5), cause = $6, replay_id = $7, rank = $8, upgrade_wanted = $9,
    state = 'done', revision = $10, last_package_id = $11, revisions_by_change = revisions_by_change + $12,
    ended_at = now(), first_done_at = coalesce(first_done_at, now())
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: note_failure
UPDATE requests
SET state = 'failed', failure = $5, ended_at = now(), due_at = NULL, lease_token = NULL, leased_until = NULL,
    upgrade_wanted = false
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: insert_package
INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals, status, cause,
                      replay_id, bundle_sha256, content_sha256, prompt_version, model, ticket, event)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: insert_outbox
WITH sent AS (INSERT INTO outbox (topic, key, headers, value, tenant_id, session_id) VALUES ($1, $2, $3, $4, $5, $6))
SELECT pg_notify('escalation_outbox', '');
