-- Reads for the probe, for metrics, and for commands that show the tables. Only `make_redaction_key` writes.

-- name: prepared
-- The numbers of the applied migrations.
SELECT number FROM schema_migrations;

-- name: lacking
-- The tables with the verbs that the role lacks, of the tables $1 with the verbs $2, and the sequences $3 that it may not
-- use. Missing tables are an error.
SELECT needed.table_name AS named, string_agg(needed.verb, ', ') AS verbs
FROM unnest($1::text[], $2::text[]) AS needed (table_name, verb)
WHERE NOT has_table_privilege(needed.table_name, needed.verb) GROUP BY needed.table_name
UNION ALL
SELECT 'SEQUENCE ' || sequence_name, 'USAGE' FROM unnest($3::text[]) AS sequence_name
WHERE NOT has_sequence_privilege(sequence_name, 'USAGE')
ORDER BY named;

-- name: role
SELECT quote_ident(current_user) AS role;

-- name: rebuilding
-- A row while a rebuild of this store is unfinished.
SELECT started_at FROM rebuild WHERE finished_at IS NULL;

-- name: backlog
-- What waits for the model to come back does not wait for a worker.
-- Counts stop at 100,000, which is bad enough: this runs every few seconds, and counting a million rows takes seconds.
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS capped)                                AS outbox_rows,
       (SELECT coalesce(extract(epoch FROM now() - (SELECT created_at FROM outbox ORDER BY id LIMIT 1)), 0)::float8)
                                                                                              AS outbox_oldest_seconds,
       (SELECT count(*) FROM (SELECT FROM requests WHERE state = 'open' LIMIT 100000) AS capped)         AS open_requests,
       (SELECT coalesce(extract(epoch FROM now() - min(stored_at)), 0)::float8
        FROM (SELECT stored_at FROM requests WHERE state = 'open' LIMIT 100000) AS capped)     AS oldest_pending_seconds,
       due.rows AS due_work, due.live_seconds AS live_waiting_seconds, due.replay_seconds AS replay_waiting_seconds,
       (SELECT count(*) FROM (SELECT FROM requests WHERE upgrade_wanted LIMIT 100000) AS capped)         AS upgrades_waiting,
       EXISTS (SELECT FROM model_outage)                                                                 AS model_away,
       (SELECT count(*) FROM (SELECT FROM cache_evictions LIMIT 100000) AS capped)                       AS evictions,
       (SELECT coalesce(extract(epoch FROM now() - (SELECT since FROM cache_evictions ORDER BY id LIMIT 1)), 0)::float8)
                                                                                              AS oldest_eviction_seconds,
       overdue.rows AS overdue, overdue.seconds AS overdue_seconds, overdue.request AS overdue_request,
       parked.rows AS parked_rows, parked.seconds AS parked_seconds, parked.reason AS parked_reason
FROM (SELECT count(*) AS rows,
             coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE waits AND rank < 20)), 0)::float8 AS live_seconds,
             coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE waits AND rank >= 20)), 0)::float8
                 AS replay_seconds
      FROM (SELECT due_at, rank,
                   (leased_until IS NULL OR leased_until < now()) AND state IN ('open', 'done')
                   AND (cause NOT IN ('upgrade', 'replay') OR NOT EXISTS (SELECT FROM model_outage)) AS waits
            FROM requests WHERE due_at <= now() LIMIT 100000) AS capped) AS due,
     (SELECT count(*) AS rows, coalesce(extract(epoch FROM now() - min(deadline_at)), 0)::float8 AS seconds,
             (array_agg(request_id || ' of session ' || session_id || ' of tenant ' || tenant_id ORDER BY deadline_at))[1]
                 AS request
      FROM (SELECT * FROM requests WHERE state = 'open' AND deadline_at < now() - interval '30 seconds'
            ORDER BY deadline_at LIMIT 1000) AS capped) AS overdue,
     (SELECT count(*) AS rows, coalesce(extract(epoch FROM now() - min(refused_at)), 0)::float8 AS seconds,
             min(topic || ': ' || refusal) AS reason
      FROM (SELECT topic, refused_at, refusal FROM outbox WHERE refused_at IS NOT NULL LIMIT 100000) AS capped) AS parked;

-- name: dead_letters_kept
-- Numbers of dead letters by the reasons $1, each up to 10,000, of the newest 20,000: this runs every few seconds.
SELECT reason, least(count(*), 10000)::int AS rows
FROM (SELECT reason FROM dead_letters ORDER BY failed_at DESC LIMIT 20000) AS newest
WHERE reason = ANY($1::text[])
GROUP BY reason;

-- name: redaction_key
SELECT value FROM service_keys WHERE name = 'redaction';

-- name: make_redaction_key
-- When several processes prepare at once, the first key wins, and all read the same afterwards.
INSERT INTO service_keys (name, value) VALUES ('redaction', $1) ON CONFLICT (name) DO NOTHING;

-- name: sessions
-- The most recently changed first. $1 is the tenant or null, $2 the session or null.
SELECT s.tenant_id, s.session_id, s.newest_version, s.event_count, s.changed_at, s.erased_at,
       (SELECT count(*) FROM requests r WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)) AS requests
FROM sessions s
WHERE ($1::text IS NULL OR s.tenant_id = $1) AND ($2::text IS NULL OR s.session_id = $2)
ORDER BY s.changed_at DESC LIMIT $3;

-- name: events
SELECT version, arrival, event_id, type, occurred_at, utc_offset, actor, data FROM session_events
WHERE tenant_id = $1 AND session_id = $2 ORDER BY version;

-- name: requests
-- The newest first. $1 is the tenant or null, $2 the session or null, $3 the request or null, $4 the state or null.
SELECT tenant_id, session_id, request_id, state, priority, force, deadline_seconds, requested_state_version, from_replay,
       reason, cause, stored_at, deadline_at, due_at, backlog IS NOT NULL AS waits_for_backlog, attempts, leased_until, revision,
       last_package_id, upgrade_wanted, failure, ended_at
FROM requests
WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR session_id = $2)
  AND ($3::text IS NULL OR request_id = $3) AND ($4::text IS NULL OR state = $4)
ORDER BY stored_at DESC LIMIT $5;

-- name: outbox
SELECT id, position, topic, tenant_id, session_id, octet_length(value) AS bytes, created_at FROM outbox
ORDER BY id LIMIT $1;

-- name: relays
SELECT name, token, leader, led_until, led_until > now() AS leads, position, numbered FROM relay ORDER BY name;
