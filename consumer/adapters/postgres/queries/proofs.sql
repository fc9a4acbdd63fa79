-- Proof of packages: what they were made from, as it is stored; and their copies, as a file or a topic holds them.

-- name: package
-- With what its bundle was made from, besides the events, and the draft that the ledger holds for it.
SELECT p.tenant_id, p.session_id, p.request_id, p.arrivals, p.event, p.redacted_sha256,
       p.redacted_at, r.reason, d.answer
FROM packages AS p
LEFT JOIN requests AS r USING (tenant_id, session_id, request_id)
LEFT JOIN drafts AS d
  ON (d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model)
   = (p.tenant_id, p.session_id, p.bundle_sha256, p.prompt_version, p.model) AND d.state = 'drafted'
WHERE p.package_id = $1;

-- name: events
-- Those that had been accepted by then.
SELECT version, arrival, event_id, type, occurred_at, actor, data FROM session_events
WHERE tenant_id = $1 AND session_id = $2 AND arrival <= $3
ORDER BY version;

-- name: packages_of
-- Of these sessions, with what their bundles were made from besides the events.
SELECT p.tenant_id, p.session_id, p.package_id, p.arrivals, r.reason,
       coalesce(p.redacted_sha256, p.bundle_sha256) AS bundle_sha256
FROM packages AS p
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (p.tenant_id, p.session_id) = (wanted.tenant_id, wanted.session_id)
LEFT JOIN requests AS r ON (r.tenant_id, r.session_id, r.request_id) = (p.tenant_id, p.session_id, p.request_id);

-- name: events_of
SELECT e.tenant_id, e.session_id, e.version, e.arrival, e.event_id, e.type, e.occurred_at, e.data
FROM session_events AS e
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (e.tenant_id, e.session_id) = (wanted.tenant_id, wanted.session_id)
ORDER BY e.tenant_id, e.session_id, e.version;

-- name: note_redaction
UPDATE packages AS p SET redacted_sha256 = changed.sha256, redacted_at = now()
FROM unnest($1::uuid[], $2::text[]) AS changed (package_id, sha256)
WHERE p.package_id = changed.package_id;

-- name: sessions
-- A page of them, by key; $1 and $2 may be null, $3 and $4 are the last key of the page before.
SELECT tenant_id, session_id FROM sessions
WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR session_id = $2)
  AND (tenant_id, session_id) > ($3::text, $4::text)
ORDER BY tenant_id, session_id
LIMIT $5;

-- name: session
SELECT event_count, erased_at FROM sessions WHERE (tenant_id, session_id) = ($1, $2);

-- name: arrived_events
-- In the order in which they were accepted.
SELECT version, event_id, type, occurred_at, actor, data FROM session_events
WHERE tenant_id = $1 AND session_id = $2
ORDER BY arrival;

-- name: copies
-- Packages of a session with what they were made from, in the order in which they were made.
SELECT p.event, p.created_at, p.arrivals, p.model, p.redacted_sha256, p.redacted_at, r.reason, r.state
FROM packages AS p LEFT JOIN requests AS r USING (tenant_id, session_id, request_id)
WHERE (tenant_id, session_id) = ($1, $2)
ORDER BY p.created_at, p.revision;

-- name: lock_session
SELECT event_count, erased_at IS NOT NULL AS erased FROM sessions WHERE (tenant_id, session_id) = ($1, $2) FOR UPDATE;

-- name: known_package
SELECT true FROM packages WHERE package_id = $1;

-- name: put_request
-- A request whose package comes from elsewhere. Nothing is to be done for it: without the time of its first package no
-- change yields a revision. Returns nothing when it is known here and this is not its next revision.
INSERT INTO requests AS r
    (tenant_id, session_id, request_id, state, requested_state_version, reason, stored_at, cause, replay_id, revision,
     last_package_id, revisions_by_change, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $7)
ON CONFLICT (tenant_id, session_id, request_id) DO UPDATE
SET revision = excluded.revision, last_package_id = excluded.last_package_id, cause = excluded.cause,
    replay_id = coalesce(excluded.replay_id, r.replay_id), ended_at = excluded.ended_at,
    revisions_by_change = r.revisions_by_change + excluded.revisions_by_change
WHERE r.revision = excluded.revision - 1 AND r.state IN ('done', 'cancelled') AND r.due_at IS NULL
RETURNING true;

-- name: put_package
INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals, status, cause,
                      replay_id, bundle_sha256, content_sha256, prompt_version, model, ticket, event, created_at,
                      redacted_sha256, redacted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT DO NOTHING;
