-- The final transactions of drafting. Each locks the session's row first, then the request's, as intake does.
-- Where $4 is the lease token, $1 to $3 are the key of the request. A lost lease matches no row.

-- name: lock_request
-- The request's row as the final transaction needs it; no row if the lease was lost or the request has ended.
SELECT state, cause, replay_id, due_at, extract(epoch FROM due_at - now())::float8 AS due_in_seconds, priority,
       revision, revisions_by_change, upgrade_wanted,
       coalesce(extract(epoch FROM now() - first_done_at)::float8, 0) AS since_first_seconds,
       state = 'open' AND coalesce(deadline_at < now(), false) AS late,
       (SELECT count(*)::int FROM session_secrets WHERE (tenant_id, session_id) = ($1, $2)) AS secrets
FROM requests
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4 AND state IN ('open', 'done')
FOR UPDATE;

-- name: lock_outage
-- Keeps the row from being deleted: the end of the outage waits for this transaction and then finds its upgrade.
SELECT true FROM model_outage FOR KEY SHARE;

-- name: schedule
-- Ends the lease and schedules the next work: $5 in how many seconds it is due, null for no next work; $6 its cause,
-- $7 its replay or null, $8 its rank, $9 whether a model draft should replace the last package.
UPDATE requests
SET lease_token = NULL, leased_until = NULL, attempts = 0,
    due_at = now() + make_interval(secs => $5), cause = $6, replay_id = $7, rank = $8, upgrade_wanted = $9
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- part: packed_request
lease_token = NULL, leased_until = NULL, attempts = 0,
        due_at = now() + make_interval(secs => $5), cause = $6, replay_id = $7, rank = $8, upgrade_wanted = $9,
        state = 'done', revision = $10, last_package_id = $11, revisions_by_change = revisions_by_change + $12,
        ended_at = now(), first_done_at = coalesce(first_done_at, now())

-- part: package_columns
(tenant_id, session_id, request_id, revision, package_id, state_version, arrivals, status, cause, replay_id,
                          bundle_sha256, content_sha256, prompt_version, model, ticket, event)

-- part: package_values
$1, $2, $3, $10::integer, $11::uuid, $13::bigint, $14::integer, $15, $16, $17, $18, $19, $20, $21, $22, $23

-- name: put_package
-- As `schedule`, for a request that gets a package: $10 its revision, $11 its id, $12 is 1 for a revision by change
-- of state, which counts against the limit, else 0. $13 to $23 are the package, $24 to $27 the event for the outbox.
-- Also notifies the relay.
WITH packed AS (
    INSERT INTO packages {{package_columns}} VALUES ({{package_values}})
), noted AS (
    UPDATE requests SET {{packed_request}}
    WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4
), sent AS (
    INSERT INTO outbox (tenant_id, session_id, topic, key, headers, value) VALUES ($1, $2, $24, $25, $26, $27)
)
SELECT pg_notify('escalation_outbox', '');

-- name: put_package_at_once
-- As `put_package`, and takes the locks itself, where nothing has changed since the work began: the session has the
-- events ($14) and the known secrets ($28) that the package was made from, and no replay was asked for ($29 is the
-- cause that the work was taken up for). Returns whether the first outcome is late. No row when something
-- has changed, also since this statement began: what it sees is then older than the locks.
WITH session AS MATERIALIZED (
    SELECT xmin, event_count, erased_at FROM sessions WHERE (tenant_id, session_id) = ($1, $2) FOR SHARE
), noted AS (
    UPDATE requests AS r SET {{packed_request}}
    FROM session
    WHERE (r.tenant_id, r.session_id, r.request_id) = ($1, $2, $3) AND r.lease_token = $4
      AND r.state IN ('open', 'done') AND r.revision = $10 - 1 AND r.replay_id IS NULL
      AND r.cause = $29
      AND session.event_count = $14 AND session.erased_at IS NULL
      AND session.xmin = (SELECT xmin FROM sessions WHERE (tenant_id, session_id) = ($1, $2))
      AND (SELECT count(*) FROM session_secrets WHERE (tenant_id, session_id) = ($1, $2)) = $28
    RETURNING $10 = 1 AND coalesce(r.deadline_at < now(), false) AS late
), packed AS (
    INSERT INTO packages {{package_columns}} SELECT {{package_values}} FROM noted
), sent AS (
    INSERT INTO outbox (tenant_id, session_id, topic, key, headers, value)
    SELECT $1, $2, $24, $25, $26, $27 FROM noted
)
SELECT late, pg_notify('escalation_outbox', '') FROM noted;

-- name: note_failure
-- Ends the lease and the request; $5 is the reason of the failure.
UPDATE requests
SET state = 'failed', failure = $5, ended_at = now(), due_at = NULL, lease_token = NULL, leased_until = NULL,
    upgrade_wanted = false
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: insert_outbox
-- Also notifies the relay.
WITH sent AS (INSERT INTO outbox (tenant_id, session_id, topic, key, headers, value) VALUES ($1, $2, $3, $4, $5, $6))
SELECT pg_notify('escalation_outbox', '');
