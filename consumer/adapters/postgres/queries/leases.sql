-- Work that is due, taken under leases. All times are by the database's clock. Every lease draws a new token, and
-- only the holder of the newest token can end the work.
--
-- Every query that leases work takes $1, the seconds of the lease, and $2, the seconds of the margin.

-- part: margin
-- A first package has to be decided so many seconds before its deadline. A short deadline has a short margin.
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
-- The rows of `taken` as drafting reads them, each with its last package and the planned replay that caused the work.
SELECT taken.*, now() AS taken_at, extract(epoch FROM now() - stored_at)::float8 AS age_seconds,
       extract(epoch FROM deadline_at - now())::float8 - {{margin}} AS deadline_in_seconds,
       p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       plan.state = 'applying' AS applying, plan.calls_model, plan.publishes
FROM taken LEFT JOIN packages AS p ON p.package_id = taken.last_package_id
           LEFT JOIN replays AS plan ON taken.cause = 'replay' AND plan.replay_id = taken.replay_id

-- name: claim
-- Leases due work, ordered by rank, then age. $3 is the limit. $4 says whether upgrades and replays are wanted, which
-- need a model. $5 and $6 are the lowest and the highest rank, $7 the prompt version, $8 the model (null without a
-- key). $9 is the planned replay whose work alone is wanted, null for all work.
-- Work of a planned replay that calls the model is left to replicas with the prompt and model of its plan. When the
-- replay was stopped, any replica may take its work, and only lets it go.
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
-- Leases first packages that have to be decided now, due or not. $3 is the limit. The margin is at most a quarter of
-- the deadline, so half of the deadline has passed by then.
WITH due AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests
    WHERE state = 'open' AND deadline_at <= now() + make_interval(secs => $2) -- lets the index be used
      AND deadline_at <= now() + make_interval(secs => {{margin}})
      AND (due_at <= now() OR attempts = 0) -- after a failed attempt the pause is kept
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
-- The request that has waited longest for an upgrade, locked; of those that ended after $1, unless it is null.
SELECT tenant_id, session_id, request_id, ended_at
FROM requests
WHERE upgrade_wanted AND state = 'done' AND (leased_until IS NULL OR leased_until < now())
  AND ($1::timestamptz IS NULL OR ended_at > $1)
ORDER BY ended_at
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: probe_replay
-- The due replay request to probe with when no upgrade waits, locked; by rank, then age. $1 is the planned replay whose
-- work alone is wanted, or null; $2 the prompt version, $3 the model. These take no turns.
SELECT tenant_id, session_id, request_id, NULL::timestamptz
FROM requests AS r
WHERE due_at <= now() AND cause = 'replay' AND state = 'done' AND (leased_until IS NULL OR leased_until < now())
  AND ($1::text IS NULL OR replay_id = $1)
  AND NOT EXISTS (SELECT FROM replays AS p WHERE p.replay_id = r.replay_id
                  AND (NOT p.calls_model OR p.prompt_version <> $2 OR p.model IS DISTINCT FROM $3))
ORDER BY rank, stored_at
LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: probed_to
SELECT probed_to FROM model_outage;

-- name: take_probe
-- One replica gets a row, the others get none until the next probe is due, in $1 seconds. $2 is when the request that
-- probes ended, or null: the next probe is another one's, because a prompt that is refused would never end the outage.
UPDATE model_outage SET next_probe_at = now() + make_interval(secs => $1), probed_to = coalesce($2, probed_to)
WHERE next_probe_at <= now()
RETURNING true;

-- name: lease_probe
-- Leases the request with the key $3, $4, $5 for a call while the model is away: as a replay if $6, else as an upgrade.
-- $7 is added to its priority and gives the rank. The request stays due, so it is taken up again if the prober dies.
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
-- Prolongs leases to $5 seconds from now; $4 are their tokens. Skips rows that are locked just now, because waiting
-- could end in a deadlock; the next renewal finds them.
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
-- Gives work back: $1 to $3 key, $4 token, $5 in how many seconds it is due again, $6 whether this attempt counts.
UPDATE requests
SET lease_token = NULL, leased_until = NULL, due_at = now() + make_interval(secs => $5),
    attempts = CASE WHEN $6 THEN attempts ELSE greatest(attempts - 1, 0) END
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: wait_for_state
-- Gives work back until half of its deadline; $4 is the token. It is due at once if the state has arrived meanwhile.
UPDATE requests AS r
SET lease_token = NULL, leased_until = NULL, attempts = greatest(attempts - 1, 0),
    due_at = CASE WHEN EXISTS (
                 SELECT FROM sessions AS s
                 WHERE (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)
                   AND s.newest_version >= coalesce(r.requested_state_version, 0))
             THEN now() ELSE half_deadline_at END
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: hasten_upgrade
-- Makes an upgrade that waits due now. $4 is added to the priority and gives the rank.
UPDATE requests SET due_at = now(), cause = 'upgrade', replay_id = NULL, rank = priority + $4
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND upgrade_wanted AND state = 'done'
  AND (due_at IS NULL OR cause = 'upgrade');
