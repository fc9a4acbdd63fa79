-- The desk of the drafters. Times are the database's; a lease token is drawn anew with every lease and fences its end.

-- name: claim
-- Due work by rank, then age. $1 limit, $2 lease seconds, $3 margin seconds, $4 whether a model is there for
-- upgrades and replays, $5 and $6 ranks, $7 prompt version and $8 model (null without a key): a planned replay that
-- calls is left to those that it was planned for, unless it was stopped and is only let go; $9 the one planned replay whose work is wanted, null for all work.
WITH due AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests AS r
    WHERE due_at <= now() AND (leased_until IS NULL OR leased_until < now()) AND state IN ('open', 'done')
      AND rank BETWEEN $5 AND $6
      AND ($4 OR cause NOT IN ('upgrade', 'replay'))
      AND ($9::text IS NULL OR cause = 'replay' AND replay_id = $9)
      AND (cause <> 'replay' OR NOT EXISTS (
               SELECT FROM replays AS p
               WHERE p.replay_id = r.replay_id AND p.state = 'applying' AND p.calls_model
                 AND (p.prompt_version <> $7 OR p.model IS DISTINCT FROM $8)))
    ORDER BY rank, stored_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE requests AS r
    SET lease_token = nextval('lease_tokens'), leased_until = now() + make_interval(secs => $2), attempts = attempts + 1
    FROM due
    WHERE (r.tenant_id, r.session_id, r.request_id) = (due.tenant_id, due.session_id, due.request_id)
    RETURNING r.*
)
SELECT taken.*, now() AS taken_at, extract(epoch FROM now() - stored_at)::float8 AS age_seconds,
       coalesce(half_deadline_at <= now(), backlog IS NULL) AS waited,
       extract(epoch FROM deadline_at - now())::float8 - least($3, deadline_seconds / 4.0) AS deadline_in_seconds,
       p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       plan.state = 'applying' AS applying, plan.calls_model, plan.publishes
FROM taken LEFT JOIN packages AS p ON p.package_id = taken.last_package_id
           LEFT JOIN replays AS plan ON taken.cause = 'replay' AND plan.replay_id = taken.replay_id
ORDER BY rank, stored_at;

-- name: claim_urgent
-- First packages that have to be decided now, due or not. A short deadline has a short margin, after its half.
WITH due AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests
    WHERE state = 'open' AND deadline_at <= now() + make_interval(secs => $3)
      AND deadline_at <= now() + make_interval(secs => least($3, deadline_seconds / 4.0))
      AND (due_at <= now() OR attempts = 0) -- one that failed has its pause
      AND (leased_until IS NULL OR leased_until < now())
    ORDER BY deadline_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE requests AS r
    SET lease_token = nextval('lease_tokens'), leased_until = now() + make_interval(secs => $2), attempts = attempts + 1
    FROM due
    WHERE (r.tenant_id, r.session_id, r.request_id) = (due.tenant_id, due.session_id, due.request_id)
    RETURNING r.*
)
SELECT taken.*, now() AS taken_at, extract(epoch FROM now() - stored_at)::float8 AS age_seconds, true AS waited,
       extract(epoch FROM deadline_at - now())::float8 - least($3, deadline_seconds / 4.0) AS deadline_in_seconds,
       p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       plan.state = 'applying' AS applying, plan.calls_model, plan.publishes
FROM taken LEFT JOIN packages AS p ON p.package_id = taken.last_package_id
           LEFT JOIN replays AS plan ON taken.cause = 'replay' AND plan.replay_id = taken.replay_id
ORDER BY deadline_at;

-- name: probe_candidate
-- The request that has waited longest for a model draft.
SELECT tenant_id, session_id, request_id
FROM requests
WHERE upgrade_wanted AND state = 'done' AND (leased_until IS NULL OR leased_until < now())
ORDER BY ended_at
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: probe_replay
-- Without an upgrade that waits: the replay that has waited longest; $1 the one planned replay, or null.
SELECT tenant_id, session_id, request_id
FROM requests AS r
WHERE due_at <= now() AND cause = 'replay' AND state = 'done' AND (leased_until IS NULL OR leased_until < now())
  AND ($1::text IS NULL OR replay_id = $1)
  AND NOT EXISTS (SELECT FROM replays AS p WHERE p.replay_id = r.replay_id
                  AND (NOT p.calls_model OR p.prompt_version <> $2 OR p.model IS DISTINCT FROM $3))
ORDER BY rank, stored_at
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: take_probe
-- One replica gets a row, the others nothing until the next time.
UPDATE model_outage SET next_probe_at = now() + make_interval(secs => $1) WHERE next_probe_at <= now() RETURNING true;

-- name: lease_probe
-- Stays due if the prober dies: whoever finds the model back takes it up.
WITH taken AS (
    UPDATE requests AS r
    SET lease_token = nextval('lease_tokens'), leased_until = now() + make_interval(secs => $4), attempts = attempts + 1,
        due_at = now(), cause = CASE WHEN $6 THEN 'replay' ELSE 'upgrade' END,
        replay_id = CASE WHEN $6 THEN replay_id END, rank = priority + $5
    WHERE (tenant_id, session_id, request_id) = ($1, $2, $3)
    RETURNING r.*
)
SELECT taken.*, now() AS taken_at, extract(epoch FROM now() - stored_at)::float8 AS age_seconds, true AS waited, NULL::float8 AS deadline_in_seconds,
       p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       plan.state = 'applying' AS applying, plan.calls_model, plan.publishes
FROM taken LEFT JOIN packages AS p ON p.package_id = taken.last_package_id
           LEFT JOIN replays AS plan ON taken.cause = 'replay' AND plan.replay_id = taken.replay_id;

-- name: renew_leases
-- Skips rows that somebody has locked just now, for waiting could end in a deadlock; the next renewal finds them.
WITH held AS MATERIALIZED (
    SELECT r.tenant_id, r.session_id, r.request_id
    FROM requests AS r
    JOIN unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS mine (tenant_id, session_id, request_id, token)
      ON (r.tenant_id, r.session_id, r.request_id) = (mine.tenant_id, mine.session_id, mine.request_id)
    WHERE r.lease_token = mine.token
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE requests AS r SET leased_until = now() + make_interval(secs => $5)
FROM held
WHERE (r.tenant_id, r.session_id, r.request_id) = (held.tenant_id, held.session_id, held.request_id);

-- name: renew_claims
WITH held AS MATERIALIZED (
    SELECT d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model
    FROM drafts AS d
    JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
         AS mine (tenant_id, session_id, bundle_sha256, prompt_version, model, token)
      ON (d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model)
       = (mine.tenant_id, mine.session_id, mine.bundle_sha256, mine.prompt_version, mine.model)
    WHERE d.state = 'claimed' AND d.claim_token = mine.token
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE drafts AS d SET claimed_until = now() + make_interval(secs => $7)
FROM held
WHERE (d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model)
    = (held.tenant_id, held.session_id, held.bundle_sha256, held.prompt_version, held.model);

-- name: release
-- $5 seconds, $6 whether this attempt counts.
UPDATE requests
SET lease_token = NULL, leased_until = NULL, due_at = now() + make_interval(secs => $5),
    attempts = CASE WHEN $6 THEN attempts ELSE greatest(attempts - 1, 0) END
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: wait_for_state
-- Until half of the deadline, unless the state arrived while this was decided: then it is due at once.
UPDATE requests AS r
SET lease_token = NULL, leased_until = NULL, attempts = greatest(attempts - 1, 0),
    due_at = CASE WHEN EXISTS (
                 SELECT FROM sessions AS s
                 WHERE (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)
                   AND s.newest_version >= coalesce(r.requested_state_version, 0))
             THEN now() ELSE half_deadline_at END
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: lock_session
-- Shared: drafters don't hold each other up; intake, which takes it for itself, comes before or after.
SELECT event_count, erased_at IS NOT NULL AS erased FROM sessions WHERE (tenant_id, session_id) = ($1, $2) FOR SHARE;

-- name: secrets
-- They change under the session's lock only.
SELECT kind, identity, forms FROM session_secrets WHERE (tenant_id, session_id) = ($1, $2);

-- name: history
-- One statement, one snapshot: the events and the counts belong together.
SELECT s.event_count, s.erased_at IS NOT NULL AS erased, s.last_ticket,
       (SELECT count(*)::int FROM session_secrets WHERE (tenant_id, session_id) = ($1, $2)) AS secrets,
       e.version, e.event_id, e.type, e.occurred_at, e.actor, e.data
FROM sessions AS s LEFT JOIN session_events AS e USING (tenant_id, session_id)
WHERE (s.tenant_id, s.session_id) = ($1, $2)
ORDER BY e.version;

-- name: find_draft
SELECT state, answer, refusal FROM drafts
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5);

-- name: find_any_draft
-- Of this prompt and model if there is one, else the newest.
SELECT prompt_version, model, state, answer, refusal FROM drafts
WHERE (tenant_id, session_id, bundle_sha256) = ($1, $2, $3) AND state = 'drafted'
ORDER BY (prompt_version, model) = ($4, $5) DESC, drafted_at DESC
LIMIT 1;

-- name: claim_draft
-- Takes a key that nobody has, that was left behind, or, forced, one that was drafted for something else.
INSERT INTO drafts AS d (tenant_id, session_id, bundle_sha256, prompt_version, model,
                         state, claim_token, claimed_until, drafted_for)
VALUES ($1, $2, $3, $4, $5, 'claimed', nextval('lease_tokens'), now() + make_interval(secs => $6), $7)
ON CONFLICT (tenant_id, session_id, bundle_sha256, prompt_version, model) DO UPDATE
SET state = 'claimed', claim_token = excluded.claim_token, claimed_until = excluded.claimed_until
WHERE d.state = 'claimed' AND d.claimed_until < now()
   OR d.state <> 'claimed' AND $8 AND d.drafted_for IS DISTINCT FROM $7
RETURNING claim_token;

-- name: holds
SELECT EXISTS (
    SELECT FROM drafts
    WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
      AND state = 'claimed' AND claim_token = $6);

-- name: store_draft
UPDATE drafts
SET state = 'drafted', claim_token = NULL, claimed_until = NULL, refusal = NULL,
    answer = $7, attempts = $8, usage = $9, drafted_for = $10, drafted_at = $11
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6
RETURNING true;

-- name: decline_draft
UPDATE drafts
SET state = 'refused', claim_token = NULL, claimed_until = NULL, refusal = $7, drafted_for = $8, answer = NULL
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6;

-- name: drop_claim
-- A claim that came to nothing leaves no row, unless it was made over an older draft.
DELETE FROM drafts
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6 AND answer IS NULL AND refusal IS NULL;

-- name: restore_draft
UPDATE drafts
SET state = CASE WHEN answer IS NULL THEN 'refused' ELSE 'drafted' END, claim_token = NULL, claimed_until = NULL
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6;

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

-- name: hasten_upgrade
UPDATE requests SET due_at = now(), cause = 'upgrade', replay_id = NULL, rank = priority + $4
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND upgrade_wanted AND state = 'done'
  AND (due_at IS NULL OR cause = 'upgrade');

-- name: outage
SELECT reason, next_probe_at <= now() AS probe_due FROM model_outage;

-- name: begin_outage
INSERT INTO model_outage (reason, next_probe_at) VALUES ($1, now() + make_interval(secs => $2))
ON CONFLICT (only_row) DO UPDATE SET next_probe_at = greatest(model_outage.next_probe_at, excluded.next_probe_at);

-- name: end_outage
DELETE FROM model_outage;

-- name: wake_upgrades
-- Spread out, so that the model that has come back is not trampled down; $1 seconds, $2 limit.
WITH waiting AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests
    WHERE upgrade_wanted AND due_at IS NULL AND state = 'done' AND NOT EXISTS (SELECT FROM model_outage)
    ORDER BY ended_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE requests AS r
SET due_at = now() + make_interval(secs => random() * $1), cause = 'upgrade', replay_id = NULL, rank = priority + $3
FROM waiting
WHERE (r.tenant_id, r.session_id, r.request_id) = (waiting.tenant_id, waiting.session_id, waiting.request_id)
RETURNING true;
