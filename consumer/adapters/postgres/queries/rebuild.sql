-- A rebuild of the store from the topics. Outcomes are stored as they were published; none is made here.

-- name: begun
-- A row if a rebuild was begun here, finished or not.
SELECT finished_at FROM rebuild;

-- name: is_filled
-- Whether the store holds something.
SELECT EXISTS (SELECT FROM sessions) OR EXISTS (SELECT FROM intake_positions);

-- name: has_served
-- Whether a service has published from this store.
SELECT EXISTS (SELECT FROM relay);

-- name: begin
-- A finished rebuild can begin again: then it reads what came since.
INSERT INTO rebuild DEFAULT VALUES ON CONFLICT (only_row) DO UPDATE SET finished_at = NULL;

-- name: positions
SELECT topic, partition, next_offset FROM intake_positions;

-- name: date_requests
-- Requests count as stored when they were first sent ($4). The deadline of a request that is still to be answered is
-- not moved: it counts from when the request was read here.
UPDATE requests AS r SET stored_at = least(r.stored_at, sent.at)
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS sent (tenant_id, session_id, request_id, at)
WHERE (r.tenant_id, r.session_id, r.request_id) = (sent.tenant_id, sent.session_id, sent.request_id);

-- name: known_requests
-- The requests among these that have been read. A cancellation that was read alone does not count.
SELECT r.tenant_id, r.session_id, r.request_id
FROM requests AS r
JOIN unnest($1::text[], $2::text[], $3::text[]) AS asked (tenant_id, session_id, request_id)
  ON (r.tenant_id, r.session_id, r.request_id) = (asked.tenant_id, asked.session_id, asked.request_id)
WHERE r.state <> 'foreseen';

-- name: add_sessions
INSERT INTO sessions (tenant_id, session_id)
SELECT tenant_id, session_id FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
ORDER BY tenant_id COLLATE "C", session_id COLLATE "C"
ON CONFLICT DO NOTHING;

-- name: lock_sessions
SELECT s.tenant_id, s.session_id, s.erased_at IS NOT NULL AS erased
FROM sessions AS s
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (s.tenant_id, s.session_id) = (wanted.tenant_id, wanted.session_id)
ORDER BY s.tenant_id, s.session_id
FOR UPDATE OF s;

-- name: note_ready
-- A package, for the request with the key $1 to $3. $4 is its revision, $5 its id, $6 its time, $7 whether it is a
-- revision by change of state, $8 the state version asked for, $9 whether a model draft should still replace it.
-- A request that was cancelled or has failed stays so. The stored cause is that of the work that may come next.
INSERT INTO requests AS r
    (tenant_id, session_id, request_id, state, requested_state_version, stored_at, cause, revision, last_package_id,
     first_done_at, revisions_by_change, upgrade_wanted, ended_at)
VALUES ($1, $2, $3, 'done', $8, $6, 'state_changed', $4, $5, $6, $7::int, $9, $6)
ON CONFLICT (tenant_id, session_id, request_id) DO UPDATE
SET state = CASE WHEN r.state IN ('cancelled', 'failed') THEN r.state ELSE 'done' END,
    cause = excluded.cause, revision = excluded.revision, last_package_id = excluded.last_package_id,
    first_done_at = coalesce(r.first_done_at, excluded.first_done_at),
    revisions_by_change = r.revisions_by_change + excluded.revisions_by_change, ended_at = excluded.ended_at,
    upgrade_wanted = excluded.upgrade_wanted AND r.state NOT IN ('cancelled', 'failed'),
    due_at = NULL, backlog = NULL, half_deadline_at = NULL, deadline_at = NULL
WHERE r.revision < excluded.revision;

-- name: note_end
-- A withdrawal or a failure, for the request with the key $1 to $3. $4 is the request's new state, $5 the failure or
-- null, $6 the time, $7 the state version asked for.
INSERT INTO requests AS r (tenant_id, session_id, request_id, state, requested_state_version, stored_at, failure, ended_at)
VALUES ($1, $2, $3, $4, $7, $6, $5, $6)
ON CONFLICT (tenant_id, session_id, request_id) DO UPDATE
SET state = excluded.state, failure = excluded.failure, ended_at = excluded.ended_at, upgrade_wanted = false,
    due_at = NULL, backlog = NULL, half_deadline_at = NULL, deadline_at = NULL;

-- name: presume_answered
-- Requests from before $1 without an outcome count as answered, because their outcome has left its topic. They stay as
-- keys, as after retention.
UPDATE requests SET state = 'done', due_at = NULL, half_deadline_at = NULL, deadline_at = NULL
WHERE state = 'open' AND stored_at < $1;

-- name: wake_changed
-- Makes requests due whose session has events after the last package: the next service looks at them, and an equal
-- bundle costs nothing. $1 is the window for revisions in seconds, $2 their limit; $3 is added to the priority.
UPDATE requests AS r SET due_at = now(), cause = 'state_changed', replay_id = NULL, rank = r.priority + $3
FROM packages AS p, sessions AS s
WHERE p.package_id = r.last_package_id AND (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)
  AND r.state = 'done' AND s.event_count > p.arrivals
  AND r.revisions_by_change < $2 AND r.first_done_at + make_interval(secs => $1) > now();

-- name: is_catching_up
SELECT EXISTS (SELECT FROM catching_up);

-- name: without_limits
-- This transaction may take as long as it takes.
SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '0', true);

-- name: try_alone
-- Held until the transaction ends.
SELECT pg_try_advisory_xact_lock($1);

-- name: begin_catching_up
-- What is missing here was published after the newest row was written; the clocks of servers may differ by an hour.
INSERT INTO catching_up AS c (since)
SELECT coalesce(greatest((SELECT max(changed_at) FROM sessions), (SELECT max(stored_at) FROM requests),
                         (SELECT max(created_at) FROM packages)), 'epoch') - interval '1 hour'
ON CONFLICT (only_row) DO UPDATE SET since = c.since
RETURNING since;

-- name: end_catching_up
-- What was put into the outbox meanwhile may have been published long ago: the relay looks for it from then on.
WITH ended AS (DELETE FROM catching_up RETURNING started_at, since)
UPDATE outbox AS o SET created_at = ended.since FROM ended WHERE o.created_at >= ended.started_at;

-- name: finish
-- From now on a service may work on the store.
UPDATE rebuild SET finished_at = now();
