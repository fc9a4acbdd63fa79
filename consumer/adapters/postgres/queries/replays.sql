-- Replays by plan: the candidates, the stored plan and its progress. $1 is the replay's id, unless a comment says
-- otherwise. Locks are taken in the order of drafting: a request, then its item.

-- name: candidates
-- Requests with a package, in the order of keys. A filter that is an empty array or null chooses all: $1 tenants,
-- $2 sessions, $3 requests; of the last package $4 first time, $5 time before which, $6 status, $7 prompt version,
-- $8 model, $9 cause, $10 whether its reader rejected it. $11 to $13 are the last key of the piece before, $14 the limit.
SELECT r.tenant_id, r.session_id, r.request_id, r.reason, r.revision,
       p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       policy.model AS policy_model, policy.language, policy.note_footer
FROM requests AS r JOIN packages AS p ON p.package_id = r.last_package_id
                   LEFT JOIN tenant_policies AS policy ON policy.tenant_id = r.tenant_id
WHERE r.state = 'done' AND (r.tenant_id, r.session_id, r.request_id) > ($11, $12, $13)
  AND (cardinality($1::text[]) = 0 OR r.tenant_id = ANY($1))
  AND (cardinality($2::text[]) = 0 OR r.session_id = ANY($2))
  AND (cardinality($3::text[]) = 0 OR r.request_id = ANY($3))
  AND ($4::timestamptz IS NULL OR p.created_at >= $4) AND ($5::timestamptz IS NULL OR p.created_at < $5)
  AND ($6::text IS NULL OR p.status = $6) AND ($7::text IS NULL OR p.prompt_version = $7)
  AND ($8::text IS NULL OR p.model = $8) AND ($9::text IS NULL OR p.cause = $9)
  AND (NOT $10::boolean OR EXISTS (SELECT FROM package_feedback AS f
                                   WHERE (f.tenant_id, f.package_id) = (p.tenant_id, p.package_id::text)
                                     AND f.outcome = 'rejected'))
ORDER BY r.tenant_id, r.session_id, r.request_id
LIMIT $14;

-- name: drafts_of
-- The drafts and refusals of the session $1, $2 in the ledger, the newest first.
SELECT bundle_sha256, prompt_version, model, state, answer, refusal FROM drafts
WHERE (tenant_id, session_id) = ($1, $2) AND state IN ('drafted', 'refused')
ORDER BY drafted_at DESC NULLS LAST;

-- name: put_replay
INSERT INTO replays (replay_id, prompt_version, model, chosen, figures, price) VALUES ($1, $2, $3, $4, $5, $6);

-- name: put_items
-- $6 are the reasons of the items, each as words with a blank between. Items of deleted requests are left out.
INSERT INTO replay_items (replay_id, tenant_id, session_id, request_id, place, why, source, renders, estimate_usd)
SELECT $1, tenant_id, session_id, request_id, place, string_to_array(why, ' '), source, renders, estimate_usd
FROM unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::boolean[],
            $9::double precision[])
     AS new (tenant_id, session_id, request_id, place, why, source, renders, estimate_usd)
JOIN requests AS r USING (tenant_id, session_id, request_id);

-- name: replays
-- The newest first; $1 null means all.
SELECT replay_id, state, prompt_version, model, chosen, figures, price, planned_at, calls_model, publishes, began_at,
       seen_at, extract(epoch FROM now() - seen_at)::float8 AS silent_seconds, ended_at
FROM replays WHERE $1::text IS NULL OR replay_id = $1
ORDER BY planned_at DESC, replay_id LIMIT $2;

-- name: lock_replay
-- `unpaced_seconds` is the time for which the rate has not been used yet, at most 60 s.
SELECT state, prompt_version, model, price, calls_model, publishes,
       extract(epoch FROM now() - greatest(paced_at, now() - interval '60 seconds'))::float8 AS unpaced_seconds
FROM replays WHERE replay_id = $1 FOR UPDATE;

-- name: tally
-- Sums by state over the items that are applied: with the model ($2) those with a new draft, else those that render.
SELECT state, count(*)::int AS items, sum(calls)::int AS calls, sum(estimate_usd) AS estimate_usd,
       sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
       sum(cache_read_input_tokens)::bigint AS cache_read_input_tokens,
       sum(cache_creation_input_tokens)::bigint AS cache_creation_input_tokens
FROM replay_items
WHERE replay_id = $1 AND CASE WHEN $2 THEN source IS NOT NULL ELSE renders END
GROUP BY state;

-- name: items
-- In the plan's order. $2 is the request or null, $3 the session or null, $4 the limit.
SELECT i.tenant_id, i.session_id, i.request_id, i.why, i.source, i.renders, i.state, r.reason, r.revision,
       p.event, p.bundle_sha256, p.prompt_version, p.model, p.status, p.content_sha256, p.ticket,
       policy.model AS policy_model, policy.language, policy.note_footer
FROM replay_items AS i
JOIN requests AS r USING (tenant_id, session_id, request_id)
JOIN packages AS p ON p.package_id = r.last_package_id
LEFT JOIN tenant_policies AS policy ON policy.tenant_id = i.tenant_id
WHERE i.replay_id = $1 AND ($2::text IS NULL OR i.request_id = $2) AND ($3::text IS NULL OR i.session_id = $3)
ORDER BY i.place LIMIT $4;

-- name: begin
-- $2 says whether the replay calls the model, $3 whether it publishes.
UPDATE replays
SET state = 'applying', calls_model = $2, publishes = $3, began_at = coalesce(began_at, now()), seen_at = now(),
    paced_at = coalesce(paced_at, now()), ended_at = NULL
WHERE replay_id = $1;

-- name: publish_drafted
-- Items that an earlier round drafted without publishing are planned again, to be published now.
UPDATE replay_items SET state = 'planned', ended_at = NULL WHERE replay_id = $1 AND state = 'drafted';

-- name: drop_ended
-- Drops the items of requests that were cancelled or erased since: these get no further revision.
UPDATE replay_items AS i SET state = 'dropped', ended_at = now()
FROM requests AS r
WHERE i.replay_id = $1 AND i.state IN ('planned', 'released') AND r.state <> 'done'
  AND (r.tenant_id, r.session_id, r.request_id) = (i.tenant_id, i.session_id, i.request_id);

-- name: take_back
-- Plans again the released items whose request is not due for this replay, because another cause took the request over.
UPDATE replay_items AS i SET state = 'planned'
FROM requests AS r
WHERE i.replay_id = $1 AND i.state = 'released'
  AND (r.tenant_id, r.session_id, r.request_id) = (i.tenant_id, i.session_id, i.request_id)
  AND NOT (r.cause = 'replay' AND r.replay_id = $1 AND r.due_at IS NOT NULL);

-- name: next_items
-- The next $3 items that can be released, because their request has no other work. $2: with the model, as in `tally`.
SELECT i.tenant_id, i.session_id, i.request_id, i.estimate_usd
FROM replay_items AS i JOIN requests AS r USING (tenant_id, session_id, request_id)
WHERE i.replay_id = $1 AND i.state = 'planned' AND CASE WHEN $2 THEN i.source IS NOT NULL ELSE i.renders END
  AND r.state = 'done' AND r.due_at IS NULL AND r.leased_until IS NULL
ORDER BY i.place
LIMIT $3
FOR UPDATE OF r SKIP LOCKED;

-- name: release_requests
-- Makes the requests with the keys $2 to $4 due. $5 is added to the priority and gives the rank.
UPDATE requests AS r SET due_at = now(), cause = 'replay', replay_id = $1, rank = r.priority + $5
FROM unnest($2::text[], $3::text[], $4::text[]) AS one (tenant_id, session_id, request_id)
WHERE (r.tenant_id, r.session_id, r.request_id) = (one.tenant_id, one.session_id, one.request_id);

-- name: release_items
UPDATE replay_items AS i SET state = 'released'
FROM unnest($2::text[], $3::text[], $4::text[]) AS one (tenant_id, session_id, request_id)
WHERE i.replay_id = $1
  AND (i.tenant_id, i.session_id, i.request_id) = (one.tenant_id, one.session_id, one.request_id);

-- name: hindrance
-- Whether anybody works on the replay, and why the model is away.
SELECT EXISTS (SELECT FROM replay_items AS i JOIN requests AS r USING (tenant_id, session_id, request_id)
               WHERE i.replay_id = $1 AND i.state = 'released' AND r.leased_until > now()) AS worked_on,
       (SELECT reason FROM model_outage) AS outage;

-- name: forbidden
-- Of the tenants whose requests stayed unchanged those for which no call is allowed, as `open_call` in spend.sql decides;
-- $2 is the budget of all tenants together, or null.
WITH tenants AS (
    SELECT DISTINCT tenant_id FROM replay_items WHERE replay_id = $1 AND state = 'unchanged'
), month AS (
    SELECT d.tenant_id, sum(d.usd) + coalesce((
               SELECT sum(c.held_usd) FROM model_calls AS c
               WHERE c.ended_at IS NULL AND d.tenant_id IN ('', c.tenant_id)
                 AND c.began_at AT TIME ZONE 'UTC' >= date_trunc('month', now() AT TIME ZONE 'UTC')), 0) AS usd
    FROM model_days AS d
    WHERE d.day >= date_trunc('month', now() AT TIME ZONE 'UTC') AND d.tenant_id IN (SELECT tenant_id FROM tenants UNION VALUES (''))
    GROUP BY d.tenant_id
)
SELECT t.tenant_id, p.model = 'off' AS is_off, false AS of_all
FROM tenants AS t JOIN tenant_policies AS p USING (tenant_id) LEFT JOIN month AS m USING (tenant_id)
WHERE p.model = 'off' OR coalesce(m.usd, 0) >= p.monthly_budget_usd
UNION ALL
SELECT '', false, true WHERE EXISTS (SELECT FROM tenants)
  AND coalesce((SELECT usd FROM month WHERE tenant_id = ''), 0) >= $2::float8
ORDER BY 1;

-- name: pace
-- Uses up $2 seconds of the rate. Time that was not used within a minute is lost.
UPDATE replays
SET seen_at = now(), paced_at = greatest(paced_at, now() - interval '60 seconds') + make_interval(secs => $2)
WHERE replay_id = $1;

-- name: withdraw_requests
-- Released requests that nobody works on are no longer due. A request that is locked just now is let go by the worker
-- that takes it up. Events that came meanwhile yield a revision as after any package: $2 seconds later, within $3
-- seconds of the first package, at most $4 times. $5 is added to the priority and gives the rank.
WITH idle AS MATERIALIZED (
    SELECT r.tenant_id, r.session_id, r.request_id
    FROM replay_items AS i JOIN requests AS r USING (tenant_id, session_id, request_id)
    WHERE i.replay_id = $1 AND i.state = 'released' AND r.cause = 'replay' AND r.replay_id = $1
      AND (r.leased_until IS NULL OR r.leased_until < now())
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE requests AS r
SET lease_token = NULL, leased_until = NULL, cause = 'state_changed', replay_id = NULL, rank = r.priority + $5,
    due_at = CASE WHEN s.event_count > p.arrivals AND r.revisions_by_change < $4
                       AND r.first_done_at + make_interval(secs => $3) > now()
                  THEN now() + make_interval(secs => $2) END
FROM idle, sessions AS s, packages AS p
WHERE (r.tenant_id, r.session_id, r.request_id) = (idle.tenant_id, idle.session_id, idle.request_id)
  AND (s.tenant_id, s.session_id) = (idle.tenant_id, idle.session_id) AND p.package_id = r.last_package_id;

-- name: end
-- $2 is the new state: done, cancelled or paused.
UPDATE replays SET state = $2, ended_at = CASE WHEN $2 IN ('done', 'cancelled') THEN now() END, seen_at = now()
WHERE replay_id = $1;

-- name: note_replayed
-- The result of a planned replay for the request with the key $1 to $3; $4 is the replay.
UPDATE replay_items
SET state = $5, revision = $6, calls = $7, input_tokens = $8, output_tokens = $9, cache_read_input_tokens = $10,
    cache_creation_input_tokens = $11, ended_at = now()
WHERE (tenant_id, session_id, request_id, replay_id) = ($1, $2, $3, $4);
