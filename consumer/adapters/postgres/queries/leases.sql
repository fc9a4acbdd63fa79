-- Work that is due, taken under leases. Times are the database's. Every lease draws a new token, which fences its end.
--
-- Every query that leases work takes $1 lease seconds and $2 margin seconds.

-- part: margin
-- Seconds before its deadline at which a first package has to be decided: a short deadline has a short margin.
least($2, deadline_seconds / 4.0)

-- part: new_lease
lease_token = nextval('lease_tokens'), leased_until = now() + make_interval(secs => $1), attempts = attempts + 1

-- part: lease
-- Leases the rows of `due`.
    UPDATE requests AS r
    SET {{new_lease}}
    FROM due
    WHERE (r.tenant_id, r.session_id, r.request_id) = (due.tenant_id, due.session_id, due.request_id)

-- part: leased_work
-- The rows of `taken` as drafting reads them, with the last package and the planned replay that the work belongs to.
SELECT taken.*, now() AS taken_at, extract(epoch FROM now() - stored_at)::float8 AS age_seconds,
       extract(epoch FROM deadline_at - now())::float8 - {{margin}} AS deadline_in_seconds,
       p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       plan.state = 'applying' AS applying, plan.calls_model, plan.publishes
FROM taken LEFT JOIN packages AS p ON p.package_id = taken.last_package_id
           LEFT JOIN replays AS plan ON taken.cause = 'replay' AND plan.replay_id = taken.replay_id

-- name: claim
-- Due work by rank, then age. $3 limit; $4 whether a model is there for upgrades and replays; $5 and $6 the lowest and
-- the highest rank; $7 prompt version and $8 model (null without a key); $9 the one planned replay whose work is wanted,
-- null for all work. A planned replay that calls the model is left to those whose prompt and model it was planned for,
-- unless it was stopped: then its work is only let go.
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
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), taken AS (
    {{lease}}
    RETURNING r.*, coalesce(r.half_deadline_at <= now(), r.backlog IS NULL) AS waited
)
{{leased_work}}
ORDER BY rank, stored_at;

-- name: claim_urgent
-- First packages that have to be decided now, due or not. $3 limit. The margin begins after half of the deadline.
WITH due AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests
    WHERE state = 'open' AND deadline_at <= now() + make_interval(secs => $2) -- for the index
      AND deadline_at <= now() + make_interval(secs => {{margin}})
      AND (due_at <= now() OR attempts = 0) -- a request that failed has its pause
      AND (leased_until IS NULL OR leased_until < now())
    ORDER BY deadline_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), taken AS (
    {{lease}}
    RETURNING r.*, true AS waited
)
{{leased_work}}
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
-- Leases the request $3, $4, $5 for a call while the model is away: as a replay ($6), else as an upgrade; $7 is added to
-- its priority. It stays due if the prober dies: then whoever finds the model back takes it up.
WITH taken AS (
    UPDATE requests AS r
    SET {{new_lease}},
        due_at = now(), cause = CASE WHEN $6 THEN 'replay' ELSE 'upgrade' END,
        replay_id = CASE WHEN $6 THEN replay_id END, rank = priority + $7
    WHERE (tenant_id, session_id, request_id) = ($3, $4, $5)
    RETURNING r.*, true AS waited
)
{{leased_work}};

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

-- name: hasten_upgrade
UPDATE requests SET due_at = now(), cause = 'upgrade', replay_id = NULL, rank = priority + $4
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND upgrade_wanted AND state = 'done'
  AND (due_at IS NULL OR cause = 'upgrade');
