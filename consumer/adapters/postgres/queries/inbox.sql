-- The inbox: one batch of records in one transaction. All times are by the database's clock.
-- Locks are taken in one order everywhere, so that two batches cannot deadlock: sessions by key, then the rows that
-- belong to them, then positions.

-- name: add_sessions
INSERT INTO sessions (tenant_id, session_id)
SELECT tenant_id, session_id FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
ORDER BY tenant_id COLLATE "C", session_id COLLATE "C"
ON CONFLICT DO NOTHING;

-- name: lock_sessions
-- The rows are locked after the sort, one after the other.
SELECT s.tenant_id, s.session_id, s.newest_version, s.event_count, s.has_secrets, s.last_ticket,
       s.erased_at IS NOT NULL AS erased
FROM sessions AS s
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (s.tenant_id, s.session_id) = (wanted.tenant_id, wanted.session_id)
ORDER BY s.tenant_id, s.session_id
FOR UPDATE OF s;

-- name: clock
SELECT now();

-- name: stored_ids
-- The events that have these versions already.
SELECT e.tenant_id, e.session_id, e.version, e.event_id
FROM session_events AS e
JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS asked (tenant_id, session_id, version)
  ON (e.tenant_id, e.session_id, e.version) = (asked.tenant_id, asked.session_id, asked.version);

-- name: advance_sessions
-- $3 are the newest versions, $4 the numbers of accepted events, by session.
UPDATE sessions AS s
SET newest_version = heads.newest_version, event_count = heads.event_count, changed_at = now()
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[])
     AS heads (tenant_id, session_id, newest_version, event_count)
WHERE (s.tenant_id, s.session_id) = (heads.tenant_id, heads.session_id);

-- name: tickets
-- The ticket that each session names last, in version order. Where no stored event names one, the ticket that an
-- erasure or retention kept; its version is -1.
SELECT DISTINCT ON (named.tenant_id, named.session_id) named.tenant_id, named.session_id, named.version, named.ticket
FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
JOIN LATERAL (
    SELECT e.tenant_id, e.session_id, e.version, e.data::jsonb -> 'psa_ticket' AS ticket
    FROM session_events AS e
    WHERE (e.tenant_id, e.session_id) = (wanted.tenant_id, wanted.session_id)
      AND (e.type IN ('session.opened.v1', 'session.snapshot.v1')
           OR e.type = 'session.described.v1' AND e.data::jsonb ? 'psa_ticket')
    UNION ALL
    SELECT s.tenant_id, s.session_id, -1, s.last_ticket
    FROM sessions AS s
    WHERE (s.tenant_id, s.session_id) = (wanted.tenant_id, wanted.session_id) AND s.last_ticket IS NOT NULL
) AS named ON true
ORDER BY named.tenant_id, named.session_id, named.version DESC;

-- name: standing_requests
-- The stored requests that this batch names, locked, each with the ticket of its last package.
SELECT r.tenant_id, r.session_id, r.request_id, r.state, r.revision, r.requested_state_version, r.traceparent,
       r.tracestate, r.replay_ids, p.package_id IS NOT NULL AS has_package, p.ticket
FROM requests AS r
JOIN unnest($1::text[], $2::text[], $3::text[]) AS asked (tenant_id, session_id, request_id)
  ON (r.tenant_id, r.session_id, r.request_id) = (asked.tenant_id, asked.session_id, asked.request_id)
LEFT JOIN packages AS p ON p.package_id = r.last_package_id
ORDER BY r.tenant_id, r.session_id, r.request_id
FOR UPDATE OF r;

-- name: put_requests
-- New requests, and foreseen ones whose request has arrived. A request's clock runs from now, unless a backlog ($14, as
-- JSON) has to be read first. $15 says whether its state has arrived: then it is due now, else at half of its deadline
-- or when the state arrives. $16 is the failure of a request for an erased session, $17 to $19 where its record stands.
INSERT INTO requests AS r
    (tenant_id, session_id, request_id, state, requested_state_version, reason, priority, force, deadline_seconds,
     from_replay, traceparent, tracestate, rank, backlog, half_deadline_at, deadline_at, due_at, failure, ended_at,
     origin_topic, origin_partition, origin_offset)
SELECT tenant_id, session_id, request_id, state, requested_state_version, reason, priority, force, deadline_seconds,
       from_replay, traceparent, tracestate, rank, backlog::jsonb,
       CASE WHEN backlog IS NULL AND state = 'open' THEN now() + deadline_seconds / 2.0 * interval '1 second' END,
       CASE WHEN backlog IS NULL AND state = 'open' AND NOT from_replay
            THEN now() + deadline_seconds * interval '1 second' END,
       CASE WHEN state <> 'open' THEN NULL
            WHEN arrived THEN now()
            WHEN backlog IS NULL THEN now() + deadline_seconds / 2.0 * interval '1 second' END,
       failure,
       CASE WHEN state IN ('failed', 'cancelled') THEN now() END,
       origin_topic, origin_partition, origin_offset
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::smallint[], $8::boolean[],
            $9::integer[], $10::boolean[], $11::text[], $12::text[], $13::smallint[], $14::text[], $15::boolean[],
            $16::text[], $17::text[], $18::integer[], $19::bigint[])
     AS new (tenant_id, session_id, request_id, state, requested_state_version, reason, priority, force,
             deadline_seconds, from_replay, traceparent, tracestate, rank, backlog, arrived, failure,
             origin_topic, origin_partition, origin_offset)
ON CONFLICT (tenant_id, session_id, request_id) DO UPDATE
SET state = excluded.state, requested_state_version = excluded.requested_state_version, reason = excluded.reason,
    priority = excluded.priority, force = excluded.force, deadline_seconds = excluded.deadline_seconds,
    from_replay = excluded.from_replay, traceparent = excluded.traceparent, tracestate = excluded.tracestate,
    stored_at = excluded.stored_at, failure = excluded.failure, ended_at = excluded.ended_at,
    origin_topic = excluded.origin_topic, origin_partition = excluded.origin_partition,
    origin_offset = excluded.origin_offset
WHERE r.state = 'foreseen';

-- name: cancel_requests
UPDATE requests AS r
SET state = 'cancelled', ended_at = now(), due_at = NULL, lease_token = NULL, leased_until = NULL, backlog = NULL,
    upgrade_wanted = false
FROM unnest($1::text[], $2::text[], $3::text[]) AS ended (tenant_id, session_id, request_id)
WHERE (r.tenant_id, r.session_id, r.request_id) = (ended.tenant_id, ended.session_id, ended.request_id);

-- name: replay_requests
-- Makes requests due for another revision. $4 are the replays' ids; $5 is added to the priority and gives the rank.
UPDATE requests AS r
SET due_at = now(), cause = 'replay', replay_id = asked.replay_id, rank = r.priority + $5
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS asked (tenant_id, session_id, request_id, replay_id)
WHERE (r.tenant_id, r.session_id, r.request_id) = (asked.tenant_id, asked.session_id, asked.request_id)
  AND r.state = 'done';

-- name: note_replays
-- Remembers the replays ($4) for good: a replay's record that is read again, after a rewind say, asks for nothing.
UPDATE requests AS r
SET replay_ids = r.replay_ids || met.replay_ids
FROM (SELECT tenant_id, session_id, request_id, array_agg(replay_id) AS replay_ids
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS one (tenant_id, session_id, request_id, replay_id)
      GROUP BY tenant_id, session_id, request_id) AS met
WHERE (r.tenant_id, r.session_id, r.request_id) = (met.tenant_id, met.session_id, met.request_id);

-- name: wake_open
-- Makes open requests due whose state has arrived: $3 are the sessions' newest versions.
UPDATE requests AS r
SET due_at = now()
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS heads (tenant_id, session_id, newest_version)
WHERE (r.tenant_id, r.session_id) = (heads.tenant_id, heads.session_id)
  AND r.state = 'open' AND (r.due_at IS NULL OR r.due_at > now())
  AND (r.requested_state_version <= heads.newest_version
       OR r.requested_state_version IS NULL AND r.backlog IS NULL);

-- name: wake_done
-- Schedules a revision for requests whose session changed after their package: once the session has been quiet for $3
-- seconds, within $4 seconds of the first package, at most $5 times. $6 is added to the priority and gives the rank.
-- A replay or an upgrade that waits is left alone: it will see the change anyway.
UPDATE requests AS r
SET due_at = now() + make_interval(secs => $3), cause = 'state_changed', replay_id = NULL, rank = r.priority + $6
FROM unnest($1::text[], $2::text[]) AS changed (tenant_id, session_id)
WHERE (r.tenant_id, r.session_id) = (changed.tenant_id, changed.session_id)
  AND r.state = 'done' AND (r.due_at IS NULL OR r.cause = 'state_changed')
  AND r.revisions_by_change < $5 AND r.first_done_at + make_interval(secs => $4) > now();

-- name: put_positions
-- $3 are the offsets that are read next.
INSERT INTO intake_positions AS p (topic, partition, next_offset)
SELECT topic, partition, next_offset
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS reached (topic, partition, next_offset)
ORDER BY topic COLLATE "C", partition
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset, moved_at = now()
WHERE p.next_offset <> excluded.next_offset;

-- name: positions
SELECT topic, partition, next_offset FROM intake_positions WHERE topic = ANY($1::text[]);

-- name: release_clocks
-- Starts the clocks of requests whose backlog has been read. $1 are the ends of the topics, as far as they were asked
-- for: JSON by "topic/partition". They count because a topic that was made anew never reaches its old offsets.
-- Rows that another batch has locked are left to the next look: waiting for them, outside the order of locks, could
-- deadlock.
WITH reached AS MATERIALIZED (
    SELECT r.tenant_id, r.session_id, r.request_id
    FROM requests AS r
    WHERE r.backlog IS NOT NULL AND NOT EXISTS (
        SELECT FROM jsonb_each_text(r.backlog) AS due (place, upto)
        LEFT JOIN intake_positions AS p ON p.topic || '/' || p.partition = due.place
        WHERE coalesce(p.next_offset, 0) < least(due.upto::bigint, ($1::jsonb ->> due.place)::bigint)
          AND greatest(p.moved_at, r.stored_at) > now() - interval '60 seconds') -- one that stands still counts no more
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE requests AS r
SET backlog = NULL,
    half_deadline_at = now() + r.deadline_seconds / 2.0 * interval '1 second',
    deadline_at = CASE WHEN NOT r.from_replay THEN now() + r.deadline_seconds * interval '1 second' END,
    due_at = CASE WHEN r.due_at IS NOT NULL OR r.state <> 'open' THEN r.due_at
                  WHEN s.newest_version >= coalesce(r.requested_state_version, 0) THEN now()
                  ELSE now() + r.deadline_seconds / 2.0 * interval '1 second' END
FROM reached, sessions AS s
WHERE (r.tenant_id, r.session_id, r.request_id) = (reached.tenant_id, reached.session_id, reached.request_id)
  AND (s.tenant_id, s.session_id) = (reached.tenant_id, reached.session_id)
RETURNING true;

-- name: backlogged
SELECT EXISTS (SELECT FROM requests WHERE backlog IS NOT NULL);

-- name: put_outbox
-- The order of the arrays is the order of the ids.
INSERT INTO outbox (topic, key, headers, value, tenant_id, session_id)
SELECT topic, key, headers::jsonb, value, tenant_id, session_id
FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[]) WITH ORDINALITY
     AS new (topic, key, headers, value, tenant_id, session_id, place)
ORDER BY place;

-- name: notify
SELECT pg_notify(channel, '') FROM unnest($1::text[]) AS channel;
