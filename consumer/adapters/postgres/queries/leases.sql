-- Work that is due, taken under leases. All times are by the database's clock. Every lease draws a new token, and
-- only the holder of the newest token can end the work.
--
-- Every query that leases work takes $1, the seconds of the lease, and $2, the seconds of the margin.

-- part: margin
-- A first package has to be decided so many seconds before its deadline. A short deadline has a short margin.
least($2::float8, deadline_seconds / 4.0)

-- part: left
-- The time until a first package has to be decided; null while its clock stands, or without a deadline.
extract(epoch FROM deadline_at - now())::float8 - {{margin}}

-- part: new_lease
lease_token = nextval('lease_tokens'), leased_until = now() + make_interval(secs => $1), attempts = attempts + 1,
leased_by = current_setting('application_name')

-- part: lease
-- Leases the rows of `due`.
    UPDATE requests AS r
    SET {{new_lease}}
    FROM due
    WHERE (r.tenant_id, r.session_id, r.request_id) = (due.tenant_id, due.session_id, due.request_id)

-- part: leased_work
-- The rows of `taken` as drafting reads them, each with its last package, the planned replay that caused the work, and
-- its tenant's policy.
SELECT taken.*, now() AS taken_at, extract(epoch FROM now() - taken.stored_at)::float8 AS age_seconds,
       {{left}} AS deadline_in_seconds,
       p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       plan.state = 'applying' AS applying, plan.calls_model, plan.publishes,
       policy.model AS policy_model, policy.language, policy.note_footer
FROM taken LEFT JOIN packages AS p ON p.package_id = taken.last_package_id
           LEFT JOIN replays AS plan ON taken.cause = 'replay' AND plan.replay_id = taken.replay_id
           LEFT JOIN tenant_policies AS policy ON policy.tenant_id = taken.tenant_id

-- part: free
r.due_at <= now() AND (r.leased_until IS NULL OR r.leased_until < now()) AND r.state IN ('open', 'done')

-- part: claimable
-- Due, free, of the class $5, and never lost twice by those who took it up ($11).
{{free}} AND r.rank / 10 = $5 AND r.attempts < $11
      AND ($4 OR r.cause NOT IN ('upgrade', 'replay'))
      AND ($8::text IS NULL OR r.cause = 'replay' AND r.replay_id = $8)
      AND (r.cause <> 'replay' OR NOT EXISTS (
               SELECT FROM replays AS p
               WHERE p.replay_id = r.replay_id AND p.state = 'applying' AND p.calls_model
                 AND (p.prompt_version <> $6 OR p.model IS DISTINCT FROM $7)))

-- name: claim
-- Leases due work in turns: the tenants stand in a circle by their ids, $9 is the one that was served last. Of the next
-- $10 tenants with work, those with the fewest leases come first, then those that are next in the circle. So tenants
-- share the places and not the queue; a tenant's own work goes by rank, then age.
-- $3 is the limit. $4 says whether upgrades and replays are wanted, which need a model. $5 is the class: 0 first
-- packages, 1 revisions and upgrades, 2 replays. $6 is the prompt version, $7 the model (null without a key). $8 is the
-- planned replay whose work alone is wanted, null for all work.
-- Work of a planned replay that calls the model is left to replicas with the prompt and model of its plan. When the
-- replay was stopped, any replica may take its work, and only lets it go.
-- Each step of the walk is one look into the index, whatever waits behind the tenant's first row.
WITH RECURSIVE walk AS (
    SELECT 0 AS lap, $9::text COLLATE "C" AS tenant_id, 0 AS place
    UNION ALL
    SELECT step.lap, step.tenant_id, walk.place + 1
    FROM walk, LATERAL (
        (SELECT walk.lap, r.tenant_id FROM requests AS r
         WHERE {{claimable}}
           AND r.tenant_id > walk.tenant_id AND (walk.lap = 0 OR r.tenant_id <= $9)
         ORDER BY r.tenant_id LIMIT 1)
        UNION ALL
        (SELECT 1, r.tenant_id FROM requests AS r
         WHERE {{claimable}}
           AND walk.lap = 0 AND r.tenant_id <= $9
         ORDER BY r.tenant_id LIMIT 1)
        LIMIT 1
    ) AS step
    WHERE walk.place < $10
), holding AS MATERIALIZED (
    SELECT tenant_id, count(*) AS leases FROM requests WHERE leased_until > now() GROUP BY tenant_id
), turns AS MATERIALIZED (
    SELECT walk.tenant_id, walk.place, coalesce(holding.leases, 0) AS leases
    FROM walk LEFT JOIN holding USING (tenant_id)
    WHERE walk.place > 0
    ORDER BY leases, walk.place
    LIMIT $3
), due AS MATERIALIZED (
    SELECT turns.place, first.tenant_id, first.session_id, first.request_id
    FROM turns, LATERAL (
        SELECT r.tenant_id, r.session_id, r.request_id, r.rank, r.stored_at
        FROM requests AS r
        WHERE {{claimable}}
          AND r.tenant_id = turns.tenant_id
        ORDER BY r.rank, r.stored_at
        LIMIT (SELECT ceil($3 / count(*)::numeric) FROM turns)
        FOR UPDATE SKIP LOCKED
    ) AS first
    ORDER BY turns.leases + row_number() OVER (PARTITION BY turns.place ORDER BY first.rank, first.stored_at),
             turns.place
    LIMIT $3
), taken AS (
    {{lease}}
    RETURNING r.*, due.place, coalesce(r.half_deadline_at <= now(), r.backlog IS NULL) AS waited
)
{{leased_work}}
ORDER BY place, rank, taken.stored_at;

-- part: urgent
-- Of the requests `r`: first packages that have to be decided now; see `claim_urgent`.
r.state = 'open' AND r.deadline_at <= now() + make_interval(secs => greatest($2::float8, $4::float8)) -- lets the index be used
      AND (r.deadline_at <= now() + make_interval(secs => {{margin}})
           OR r.due_at <= now() AND r.deadline_at <= now() + make_interval(secs => $4))
      AND (r.due_at <= now() OR r.attempts = 0) -- after a failed attempt the pause is kept
      AND (r.leased_until IS NULL OR r.leased_until < now()) AND r.attempts < $5

-- name: waiting
-- What waits for a turn of drafting, as a bound for what can be claimed: how much of it, at most $3 of live work and $3
-- of replays, and whether any is urgent. $1 is not used; $2, $4 and $5 are those of `claim_urgent`.
SELECT away.reason, coalesce(away.next_probe_at <= now(), false) AS probe_due,
       EXISTS (SELECT FROM requests AS r WHERE {{urgent}}) AS urgent,
       (SELECT count(*)::int
        FROM (SELECT FROM requests AS r WHERE {{free}} AND r.rank / 10 = ANY('{0,1}') LIMIT $3) AS live) AS live,
       (SELECT count(*)::int
        FROM (SELECT FROM requests AS r WHERE {{free}} AND r.rank / 10 = 2 LIMIT $3) AS replayed) AS replayed
FROM (SELECT $1::float8) AS lease LEFT JOIN model_outage AS away ON true;

-- name: claim_urgent
-- Leases first packages that have to be decided now. $3 is the limit. Those within their margin are taken due or not:
-- the margin is at most a quarter of the deadline, so half of it has passed by then. While fallbacks queue, $4 is more
-- than the margin, and those that are due are taken so many seconds before their deadline.
-- Work that was lost $5 times is not for company.
WITH due AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests AS r
    WHERE {{urgent}}
    ORDER BY deadline_at
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), taken AS (
    {{lease}}
    RETURNING r.*, r.half_deadline_at <= now() OR r.deadline_at <= now() + make_interval(secs => {{margin}}) AS waited
)
{{leased_work}}
ORDER BY deadline_at;

-- name: reach
-- How many seconds before its deadline a first package has to be decided by rules, so that those behind it are, too.
-- With $2 seconds for each fallback, the package at place n of those that wait, by deadline, has to be begun n times $2
-- and the margin $1 before its deadline. The last one for which that moment has come, with all before it, must go now.
-- $3 bounds how many are looked at.
SELECT coalesce(max(left_seconds), 0)::float8
FROM (SELECT extract(epoch FROM deadline_at - now()) AS left_seconds, row_number() OVER (ORDER BY deadline_at) AS place
      FROM (SELECT deadline_at FROM requests WHERE state = 'open' AND deadline_at IS NOT NULL
            ORDER BY deadline_at LIMIT $3) AS nearest) AS waiting
WHERE left_seconds <= $1::float8 + place * $2::float8;

-- name: any_lost
-- $1 is how often it was lost.
SELECT EXISTS (SELECT FROM requests
               WHERE due_at <= now() AND attempts >= $1 AND attempts >= 2 -- lets the index be used
                 AND (leased_until IS NULL OR leased_until < now()) AND state IN ('open', 'done'));

-- name: claim_lost
-- Leases one piece of work that was lost $3 times. $4 is the planned replay whose work alone is wanted, or null; $5 the
-- prompt version, $6 the model, as in `claim`.
WITH due AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests AS r
    WHERE due_at <= now() AND attempts >= $3 AND attempts >= 2 -- lets the index be used
      AND (leased_until IS NULL OR leased_until < now()) AND state IN ('open', 'done')
      AND ($4::text IS NULL OR cause = 'replay' AND replay_id = $4)
      AND (cause <> 'replay' OR NOT EXISTS (
               SELECT FROM replays AS p
               WHERE p.replay_id = r.replay_id AND p.state = 'applying' AND p.calls_model
                 AND (p.prompt_version <> $5 OR p.model IS DISTINCT FROM $6)))
    ORDER BY deadline_at, attempts, stored_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
), taken AS (
    {{lease}}
    RETURNING r.*, coalesce(r.half_deadline_at <= now(), r.backlog IS NULL) AS waited
)
{{leased_work}};

-- name: probe_candidate
-- The request that has waited longest for an upgrade, locked; of those that ended after $1, unless it is null.
SELECT tenant_id, session_id, request_id, ended_at
FROM requests
WHERE upgrade_wanted AND state = 'done' AND (leased_until IS NULL OR leased_until < now())
  AND attempts < 2 -- what was lost twice is done alone
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
  AND attempts < 2 -- as above
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

-- name: take_back
-- Ends the leases that a dead process of this name holds, and its claims of drafts of these sessions. Nobody else may
-- have this name.
WITH own AS (
    UPDATE requests SET lease_token = NULL, leased_until = NULL
    WHERE due_at IS NOT NULL AND leased_until > now() AND leased_by = current_setting('application_name')
    RETURNING tenant_id, session_id
)
UPDATE drafts AS d SET claimed_until = now()
FROM (SELECT DISTINCT tenant_id, session_id FROM own) AS sessions
WHERE (d.tenant_id, d.session_id) = (sessions.tenant_id, sessions.session_id)
  AND d.state = 'claimed' AND d.claimed_until > now() AND d.claimed_by = current_setting('application_name');

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

-- name: left_seconds
-- $1, $3 and $4 are the request's key, $2 the margin.
SELECT {{left}} FROM requests WHERE (tenant_id, session_id, request_id) = ($1, $3, $4);

-- name: release
-- Gives work back: $1 to $3 key, $4 token, $5 in how many seconds it is due again, $6 whether this attempt counts.
UPDATE requests
SET lease_token = NULL, leased_until = NULL, due_at = now() + make_interval(secs => $5),
    attempts = CASE WHEN $6 THEN attempts ELSE greatest(attempts - 1, 0) END
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token = $4;

-- name: forget_attempt
-- For work whose lease $4 was lost before it was given back: whoever holds it now keeps the count of its own attempt.
UPDATE requests
SET attempts = attempts - 1
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) AND lease_token IS DISTINCT FROM $4
  AND attempts > CASE WHEN leased_until > now() THEN 1 ELSE 0 END;

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
