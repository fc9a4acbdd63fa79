-- Requests as lists show them, and all that belongs to one. Read only. Parameters that are null restrict nothing: the
-- transaction plans each statement for its own parameters, so that such conditions vanish (`bound` in viewing_now.sql).

-- part: columns
r.tenant_id, r.session_id, r.request_id, r.state, r.origin_topic, r.origin_partition, r.origin_offset, r.stored_at,
       now() AS read_at, r.priority, r.force, r.from_replay, r.deadline_seconds, r.requested_state_version,
       s.newest_version, r.reason, r.backlog, r.half_deadline_at, r.deadline_at, r.due_at, r.cause AS next_cause,
       r.replay_id, r.attempts, r.leased_until, r.leased_by, r.revision, r.last_package_id, p.status,
       p.cause AS package_cause, p.created_at AS package_at, p.ticket, r.upgrade_wanted, r.failure, r.ended_at,
       coalesce(r.first_done_at, r.ended_at) AS first_outcome_at,
       CASE WHEN p.status = 'fallback' THEN p.event::jsonb -> 'warnings' END AS warnings

-- part: source
FROM requests AS r
LEFT JOIN sessions AS s ON (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)
LEFT JOIN packages AS p ON p.package_id = r.last_package_id

-- part: wanted
-- $1 tenant, $2 session, $3 state, $4 status and $5 cause of the last package, $6 the beginning of an id and $7 what
-- comes after all that begin so, $8 and $9 the time, $10 the tenants and $11 the sessions that have or had a ticket.
    ($1::text IS NULL OR r.tenant_id = $1)
      AND ($2::text IS NULL OR r.session_id = $2)
      AND ($3::text IS NULL OR r.state = $3)
      AND ($4::text IS NULL OR p.status = $4)
      AND ($5::text IS NULL OR p.cause = $5)
      AND ($6::text IS NULL OR r.request_id >= $6 AND r.request_id < $7::text
           OR r.session_id >= $6 AND r.session_id < $7::text)
      AND ($8::timestamptz IS NULL OR r.stored_at >= $8)
      AND ($9::timestamptz IS NULL OR r.stored_at < $9)
      AND ($11::text[] IS NULL
           OR r.session_id = ANY($11)
              AND (r.tenant_id, r.session_id) IN (SELECT * FROM unnest($10::text[], $11::text[])))

-- name: newest
-- $12 to $15 are the key of the last row of the page before; $16 is the number of rows.
SELECT {{columns}}
{{source}}
WHERE {{wanted}}
      AND ($12::timestamptz IS NULL
           OR (r.stored_at, r.tenant_id, r.session_id, r.request_id) < ($12, $13::text, $14::text, $15::text))
ORDER BY r.stored_at DESC, r.tenant_id DESC, r.session_id DESC, r.request_id DESC LIMIT $16;

-- name: oldest
SELECT {{columns}}
{{source}}
WHERE {{wanted}}
      AND ($12::timestamptz IS NULL
           OR (r.stored_at, r.tenant_id, r.session_id, r.request_id) > ($12, $13::text, $14::text, $15::text))
ORDER BY r.stored_at, r.tenant_id, r.session_id, r.request_id LIMIT $16;

-- part: packaged
FROM packages AS p
JOIN requests AS r ON r.last_package_id = p.package_id
LEFT JOIN sessions AS s ON (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)

-- name: newest_packaged
-- With a status or a cause of the last package: by its time, for which there is an index. $12 and $13 are the key.
SELECT {{columns}}
{{packaged}}
WHERE {{wanted}}
      AND ($12::timestamptz IS NULL OR (p.created_at, p.package_id) < ($12, $13::uuid))
ORDER BY p.created_at DESC, p.package_id DESC LIMIT $14;

-- name: oldest_packaged
SELECT {{columns}}
{{packaged}}
WHERE {{wanted}}
      AND ($12::timestamptz IS NULL OR (p.created_at, p.package_id) > ($12, $13::uuid))
ORDER BY p.created_at, p.package_id LIMIT $14;

-- name: deadline
SELECT {{columns}}
{{source}}
WHERE r.state = 'open' AND r.deadline_at IS NOT NULL
      AND {{wanted}}
      AND ($12::timestamptz IS NULL
           OR (r.deadline_at, r.tenant_id, r.session_id, r.request_id) > ($12, $13::text, $14::text, $15::text))
ORDER BY r.deadline_at, r.tenant_id, r.session_id, r.request_id LIMIT $16;

-- name: near_deadline
-- Open requests whose deadline comes within $1 seconds, or is over.
SELECT {{columns}}
{{source}}
WHERE r.state = 'open' AND r.deadline_at < now() + make_interval(secs => $1)
ORDER BY r.deadline_at LIMIT $2;

-- name: ahead
-- Of the oldest $1 open requests those that wait for a version that their session does not have: of a clock that runs,
-- by $2 versions or more, or since $3 seconds. At most $4.
SELECT {{columns}}
FROM (SELECT * FROM requests WHERE state = 'open' ORDER BY stored_at LIMIT $1) AS r
LEFT JOIN sessions AS s ON (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)
LEFT JOIN packages AS p ON p.package_id = r.last_package_id
WHERE r.backlog IS NULL AND (s.newest_version IS NULL OR r.requested_state_version > s.newest_version)
  AND (r.requested_state_version - s.newest_version >= $2 OR r.stored_at <= now() - make_interval(secs => $3))
ORDER BY r.stored_at LIMIT $4;

-- name: any_request
SELECT EXISTS (SELECT FROM requests);

-- name: beginning_with
-- Requests whose id begins with $1 ($2 comes after all that do), of the tenant $3 and the session $4 where given.
SELECT tenant_id, session_id, request_id FROM requests
WHERE request_id >= $1 AND request_id < $2
  AND ($3::text IS NULL OR tenant_id = $3) AND ($4::text IS NULL OR session_id = $4)
ORDER BY request_id, tenant_id, session_id LIMIT $5;

-- name: one_request
SELECT {{columns}}
{{source}}
WHERE (r.tenant_id, r.session_id, r.request_id) = ($1, $2, $3);

-- name: newest_events
-- The newest $3 events of a session.
SELECT version, event_id, type, occurred_at FROM session_events
WHERE (tenant_id, session_id) = ($1, $2) ORDER BY version DESC LIMIT $3;

-- name: calls
-- The calls to models for a request. Work is named `request id/revision`.
SELECT drafted_for, purpose, provider, model, began_at, ended_at, usd, held_usd, input_tokens, output_tokens,
       cache_read_input_tokens, cache_creation_input_tokens
FROM model_calls
WHERE (tenant_id, session_id) = ($1, $2) AND left(drafted_for, length($3) + 1) = $3 || '/'
  AND substr(drafted_for, length($3) + 2) ~ '^[0-9]+$'
ORDER BY began_at, call_id LIMIT $4;

-- name: ledger
-- The drafts that a request paid for, or that its packages rest on. Their texts are not read.
SELECT d.bundle_sha256, d.prompt_version, d.model, d.state, d.drafted_for, d.attempts, d.refusal,
       d.answer::jsonb -> 'warnings' AS warnings, d.answer::jsonb #>> '{check,statements}' AS statements,
       d.answer::jsonb #>> '{check,flagged}' AS flagged, d.answer::jsonb #>> '{check,removed}' AS removed,
       d.drafted_at, d.claimed_until
FROM drafts AS d
WHERE (d.tenant_id, d.session_id) = ($1, $2)
  AND (left(d.drafted_for, length($3) + 1) = $3 || '/' AND substr(d.drafted_for, length($3) + 2) ~ '^[0-9]+$'
       OR d.bundle_sha256 IN (SELECT p.bundle_sha256 FROM packages AS p
                              WHERE (p.tenant_id, p.session_id, p.request_id) = ($1, $2, $3)))
ORDER BY d.drafted_at NULLS LAST LIMIT $4;

-- name: waiting_events
-- What is to be published about a request. Events name their note in a header.
SELECT topic, position, created_at, refused_at, refusal, nullif(retry_at, 'infinity') AS retry_at FROM outbox
WHERE (tenant_id, session_id) = ($1, $2) AND headers @> jsonb_build_array(jsonb_build_array('note_key', $3::text))
ORDER BY id LIMIT $4;

-- name: feedback
SELECT f.package_id, f.outcome, f.said, f.occurred_at, f.origin_topic, f.origin_partition, f.origin_offset
FROM packages AS p JOIN package_feedback AS f ON (f.tenant_id, f.package_id) = (p.tenant_id, p.package_id::text)
WHERE (p.tenant_id, p.session_id, p.request_id) = ($1, $2, $3)
ORDER BY f.occurred_at, f.event_id LIMIT $4;
