-- Reads for people who look. Each is bounded in rows; what is counted stops at 100,000.

-- part: line
-- A request (r) with its last package (p) and its session (s).
r.tenant_id, r.session_id, r.request_id, r.state, r.stored_at, now() AS at, r.priority, r.requested_state_version,
s.newest_version, r.backlog IS NOT NULL AS waits_for_backlog, r.deadline_at, r.due_at, r.cause AS work_cause, r.attempts,
r.leased_until, r.leased_by, r.revision, r.upgrade_wanted, r.failure, r.ended_at, p.package_id, p.status, p.cause,
coalesce(p.ticket, s.last_ticket, CASE WHEN p.package_id IS NULL THEN (
    SELECT e.data::jsonb -> 'psa_ticket' FROM session_events e
    WHERE (e.tenant_id, e.session_id) = (r.tenant_id, r.session_id)
      AND e.type IN ('session.opened.v1', 'session.described.v1', 'session.snapshot.v1')
      AND e.data LIKE '%"psa_ticket"%' ORDER BY e.version DESC LIMIT 1) END) AS named_ticket

-- part: line_from
FROM requests AS r
LEFT JOIN packages AS p ON p.package_id = r.last_package_id
LEFT JOIN sessions AS s ON (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)

-- part: of_ticket
-- Sessions of the ticket $1: by their packages, by what erased ones keep, and by their events where the newest requests
-- have no package yet.
SELECT tenant_id, session_id FROM (
    SELECT tenant_id, session_id FROM packages WHERE ticket ->> 'ticket_id' = $1 LIMIT 1000) AS by_package
UNION
SELECT tenant_id, session_id FROM sessions WHERE erased_at IS NOT NULL AND last_ticket ->> 'ticket_id' = $1
UNION
SELECT u.tenant_id, u.session_id
FROM (SELECT DISTINCT tenant_id, session_id
      FROM (SELECT tenant_id, session_id FROM requests WHERE revision = 0 ORDER BY stored_at DESC LIMIT 2000) AS newest) AS u
WHERE EXISTS (SELECT FROM session_events e
              WHERE (e.tenant_id, e.session_id) = (u.tenant_id, u.session_id)
                AND e.type IN ('session.opened.v1', 'session.described.v1', 'session.snapshot.v1')
                AND e.data LIKE '%"psa_ticket"%' AND e.data::jsonb -> 'psa_ticket' ->> 'ticket_id' = $1)

-- name: sessions_of_ticket
{{of_ticket}} LIMIT 200;

-- name: newest_requests
-- $1 to $3: tenant, session, a LIKE pattern of the request's id; $4 state; $5 and $6 status and cause of the last package;
-- $7 and $8 since and until; $9 and $10 tenants and sessions that a ticket has given, or null; $11 to $14 the last row of
-- the page before; $15 rows.
SELECT {{line}} {{line_from}}
WHERE ($1::text IS NULL OR r.tenant_id = $1) AND ($2::text IS NULL OR r.session_id = $2)
  AND ($3::text IS NULL OR r.request_id LIKE $3) AND ($4::text IS NULL OR r.state = $4)
  AND ($5::text IS NULL OR p.status = $5) AND ($6::text IS NULL OR p.cause = $6)
  AND ($7::timestamptz IS NULL OR r.stored_at >= $7) AND ($8::timestamptz IS NULL OR r.stored_at < $8)
  AND ($9::text[] IS NULL OR (r.tenant_id, r.session_id) IN (SELECT * FROM unnest($9::text[], $10::text[])))
  AND ($11::timestamptz IS NULL OR (r.stored_at, r.tenant_id, r.session_id, r.request_id) < ($11, $12, $13, $14))
ORDER BY r.stored_at DESC, r.tenant_id DESC, r.session_id DESC, r.request_id DESC LIMIT $15;

-- name: oldest_requests
-- As newest_requests, the other way round.
SELECT {{line}} {{line_from}}
WHERE ($1::text IS NULL OR r.tenant_id = $1) AND ($2::text IS NULL OR r.session_id = $2)
  AND ($3::text IS NULL OR r.request_id LIKE $3) AND ($4::text IS NULL OR r.state = $4)
  AND ($5::text IS NULL OR p.status = $5) AND ($6::text IS NULL OR p.cause = $6)
  AND ($7::timestamptz IS NULL OR r.stored_at >= $7) AND ($8::timestamptz IS NULL OR r.stored_at < $8)
  AND ($9::text[] IS NULL OR (r.tenant_id, r.session_id) IN (SELECT * FROM unnest($9::text[], $10::text[])))
  AND ($11::timestamptz IS NULL OR (r.stored_at, r.tenant_id, r.session_id, r.request_id) > ($11, $12, $13, $14))
ORDER BY r.stored_at, r.tenant_id, r.session_id, r.request_id LIMIT $15;

-- name: near_deadline
SELECT {{line}} {{line_from}}
WHERE r.state = 'open' AND r.deadline_at IS NOT NULL ORDER BY r.deadline_at LIMIT $1;

-- name: requests_of_session
SELECT {{line}} {{line_from}}
WHERE (r.tenant_id, r.session_id) = ($1, $2) ORDER BY r.stored_at DESC LIMIT $3;

-- name: request
SELECT {{line}}, r.reason, r.force, r.deadline_seconds, r.from_replay, r.traceparent, r.first_done_at,
       r.revisions_by_change {{line_from}}
WHERE (r.tenant_id, r.session_id, r.request_id) = ($1, $2, $3);

-- name: packages
SELECT package_id, revision, status, cause, created_at, event FROM packages
WHERE (tenant_id, session_id, request_id) = ($1, $2, $3) ORDER BY revision LIMIT 200;

-- name: calls
-- The model calls of a request: `drafted_for` is "request_id/revision".
SELECT drafted_for, purpose, provider, model, began_at, ended_at, usd, input_tokens, output_tokens,
       cache_read_input_tokens, cache_creation_input_tokens FROM model_calls
WHERE (tenant_id, session_id) = ($1, $2) AND left(drafted_for, length($3::text) + 1) = $3::text || '/'
ORDER BY began_at LIMIT 500;

-- name: feedback
SELECT p.revision, f.outcome, f.occurred_at, f.said FROM packages AS p
JOIN package_feedback AS f ON f.package_id = p.package_id::text
WHERE (p.tenant_id, p.session_id, p.request_id) = ($1, $2, $3) ORDER BY f.occurred_at LIMIT 500;

-- name: unpublished
SELECT (SELECT pair ->> 1 FROM jsonb_array_elements(headers) AS pair WHERE pair ->> 0 = 'event_id') AS event_id, topic,
       created_at, refused_at, refusal FROM outbox
WHERE (tenant_id, session_id) = ($1, $2) ORDER BY id LIMIT 100;

-- name: sessions
-- The most recently changed first. $1 the tenant, $2 and $3 bounds of the id, $4 to $6 the last row of the page before, $7 rows.
SELECT s.tenant_id, s.session_id, s.newest_version, s.event_count, s.changed_at, s.erased_at, s.trimmed_at,
       (SELECT count(*) FROM requests r WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)) AS requests
FROM sessions AS s
WHERE ($1::text IS NULL OR s.tenant_id = $1) AND ($2::text IS NULL OR s.session_id BETWEEN $2 AND $3)
  AND ($4::timestamptz IS NULL OR (s.changed_at, s.tenant_id, s.session_id) < ($4, $5, $6))
ORDER BY s.changed_at DESC, s.tenant_id DESC, s.session_id DESC LIMIT $7;

-- name: session
SELECT s.tenant_id, s.session_id, s.newest_version, s.event_count, s.changed_at, s.erased_at, s.trimmed_at,
       (SELECT count(*) FROM requests r WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)) AS requests
FROM sessions AS s WHERE (s.tenant_id, s.session_id) = ($1, $2);

-- name: events
SELECT version, arrival, event_id, type, occurred_at, utc_offset, actor, data FROM session_events
WHERE tenant_id = $1 AND session_id = $2 ORDER BY version DESC LIMIT $3;

-- name: present
-- $1 is the budget of all tenants together, or null.
SELECT now() AS at,
       (SELECT count(*) FROM (SELECT FROM requests WHERE upgrade_wanted LIMIT 100000) AS capped) AS upgrades,
       (SELECT min(ended_at) FROM requests WHERE upgrade_wanted)                                 AS upgrades_since,
       (SELECT since FROM model_outage)                                                          AS outage_since,
       (SELECT reason FROM model_outage)                                                         AS outage_reason,
       (SELECT coalesce(sum(usd), 0)::float8 FROM model_days
        WHERE tenant_id = '' AND day = (now() AT TIME ZONE 'UTC')::date)                         AS today_usd,
       (SELECT coalesce(sum(usd), 0)::float8 FROM model_days
        WHERE tenant_id = '' AND day >= date_trunc('month', now() AT TIME ZONE 'UTC'))           AS month_usd,
       (SELECT coalesce(sum(held_usd), 0)::float8 FROM model_calls
        WHERE ended_at IS NULL AND began_at > now() - interval '1 hour')                         AS under_way_usd,
       $1::float8                                                                                AS budget_usd;

-- name: dead_letters_by_reason
-- Of the newest 100,000.
SELECT reason, count(*) AS records, max(failed_at) AS newest_at
FROM (SELECT reason, failed_at FROM dead_letters ORDER BY failed_at DESC LIMIT 100000) AS newest
GROUP BY reason ORDER BY records DESC;

-- name: find_packages
-- $1 is the lowest id with that beginning, $2 the highest.
SELECT package_id FROM packages WHERE package_id BETWEEN $1 AND $2 ORDER BY package_id LIMIT 20;

-- name: find_requests
-- By an id between $1 and $2: one, or all that begin with it.
SELECT tenant_id, session_id, request_id FROM requests WHERE request_id BETWEEN $1 AND $2 ORDER BY request_id LIMIT 20;

-- name: find_sessions
SELECT tenant_id, session_id FROM sessions WHERE session_id BETWEEN $1 AND $2 ORDER BY session_id LIMIT 20;
