-- A store built from the topics. Outcomes are taken as they were published; nothing here makes one.

-- name: begun
SELECT finished_at FROM rebuild;

-- name: is_filled
SELECT EXISTS (SELECT FROM sessions) OR EXISTS (SELECT FROM intake_positions);

-- name: has_served
-- A service has published from it.
SELECT EXISTS (SELECT FROM relay);

-- name: begin
-- Again, too, after it was finished: what came since is read.
INSERT INTO rebuild DEFAULT VALUES ON CONFLICT (only_row) DO UPDATE SET finished_at = NULL;

-- name: positions
SELECT topic, partition, next_offset FROM intake_positions;

-- name: date_requests
-- The first time that a request was sent; it is new as long as it is still to be answered.
UPDATE requests AS r SET stored_at = least(r.stored_at, sent.at)
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS sent (tenant_id, session_id, request_id, at)
WHERE (r.tenant_id, r.session_id, r.request_id) = (sent.tenant_id, sent.session_id, sent.request_id);

-- name: known_requests
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
-- $4 revision, $5 package, $6 when, $7 whether it is a revision by change, $8 the version asked for, $9 whether a model
-- draft is still wanted instead. What was cancelled stays so. The cause is that of what may come next.
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
-- A withdrawal or a failure. $4 state, $5 why it failed, $6 when, $7 the version asked for.
INSERT INTO requests AS r (tenant_id, session_id, request_id, state, requested_state_version, stored_at, failure, ended_at)
VALUES ($1, $2, $3, $4, $7, $6, $5, $6)
ON CONFLICT (tenant_id, session_id, request_id) DO UPDATE
SET state = excluded.state, failure = excluded.failure, ended_at = excluded.ended_at, upgrade_wanted = false,
    due_at = NULL, backlog = NULL, half_deadline_at = NULL, deadline_at = NULL;

-- name: presume_answered
-- Requests from before $1 without an outcome: theirs has left its topic. Kept as keys, as after a trimming.
UPDATE requests SET state = 'done', due_at = NULL, half_deadline_at = NULL, deadline_at = NULL
WHERE state = 'open' AND stored_at < $1;

-- name: wake_changed
-- Whatever came after the last package is looked at again by the next service; an equal bundle costs nothing.
UPDATE requests AS r SET due_at = now(), cause = 'state_changed', replay_id = NULL, rank = r.priority + $3
FROM packages AS p, sessions AS s
WHERE p.package_id = r.last_package_id AND (s.tenant_id, s.session_id) = (r.tenant_id, r.session_id)
  AND r.state = 'done' AND s.event_count > p.arrivals
  AND r.revisions_by_change < $2 AND r.first_done_at + make_interval(secs => $1) > now();

-- name: finish
UPDATE rebuild SET finished_at = now();
