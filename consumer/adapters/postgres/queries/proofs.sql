-- Proofs of packages: the stored evidence of what they were made from. Copies of packages: out of and into the tables.

-- name: package
-- A package, the ledger's draft for it, and what its bundle was made from besides the events: its request's reason.
SELECT p.tenant_id, p.session_id, p.request_id, p.arrivals, p.event, p.redacted_sha256,
       p.redacted_at, r.reason, d.answer
FROM packages AS p
LEFT JOIN requests AS r USING (tenant_id, session_id, request_id)
LEFT JOIN drafts AS d
  ON (d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model)
   = (p.tenant_id, p.session_id, p.bundle_sha256, p.prompt_version, p.model) AND d.state = 'drafted'
WHERE p.package_id = $1;

-- name: events
-- The events of a session that were accepted first, up to the arrival number $3.
SELECT version, arrival, event_id, type, occurred_at, utc_offset, actor, data FROM session_events
WHERE tenant_id = $1 AND session_id = $2 AND arrival <= $3
ORDER BY version;

-- name: packages_of
-- The packages of these sessions, each with its request's reason and the digest that its events should give.
SELECT p.tenant_id, p.session_id, p.package_id, p.arrivals, r.reason,
       coalesce(p.redacted_sha256, p.bundle_sha256) AS bundle_sha256,
       coalesce(p.event::jsonb ->> 'language', 'en') AS language
FROM packages AS p
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (p.tenant_id, p.session_id) = (wanted.tenant_id, wanted.session_id)
LEFT JOIN requests AS r ON (r.tenant_id, r.session_id, r.request_id) = (p.tenant_id, p.session_id, p.request_id);

-- name: events_of
SELECT e.tenant_id, e.session_id, e.version, e.arrival, e.event_id, e.type, e.occurred_at, e.utc_offset, e.data
FROM session_events AS e
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (e.tenant_id, e.session_id) = (wanted.tenant_id, wanted.session_id)
ORDER BY e.tenant_id, e.session_id, e.version;

-- name: note_redaction
-- Notes the digests ($2) that the events of packages ($1) give since a redaction changed a text.
UPDATE packages AS p SET redacted_sha256 = changed.sha256, redacted_at = now()
FROM unnest($1::uuid[], $2::text[]) AS changed (package_id, sha256)
WHERE p.package_id = changed.package_id;

-- name: sessions
-- A page of session keys, in order. $1 is the tenant or null, $2 the session or null; $3 and $4 are the last key of the
-- page before, $5 is the limit.
SELECT tenant_id, session_id FROM sessions
WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR session_id = $2)
  AND (tenant_id, session_id) > ($3::text, $4::text)
ORDER BY tenant_id, session_id
LIMIT $5;

-- name: session
SELECT event_count, erased_at FROM sessions WHERE (tenant_id, session_id) = ($1, $2);

-- name: arrived_events
-- The events of a session, in the order of their acceptance.
SELECT version, event_id, type, occurred_at, utc_offset, actor, data FROM session_events
WHERE tenant_id = $1 AND session_id = $2
ORDER BY arrival;

-- name: copies
-- The packages of a session with what they were made from, oldest first.
SELECT p.event, p.created_at, p.arrivals, p.model, p.redacted_sha256, p.redacted_at, r.reason, r.state
FROM packages AS p LEFT JOIN requests AS r USING (tenant_id, session_id, request_id)
WHERE (tenant_id, session_id) = ($1, $2)
ORDER BY p.created_at, p.revision;

-- name: lock_session
SELECT event_count, erased_at IS NOT NULL AS erased FROM sessions WHERE (tenant_id, session_id) = ($1, $2) FOR UPDATE;

-- name: known_package
SELECT true FROM packages WHERE package_id = $1;

-- name: put_request
-- Stores a request whose package comes from another store. $7 is the time of the package, $12 whether it is a revision
-- by change of state (1 or 0). The request has no work to do: without the time of its first package no change yields a
-- revision. No row when the request is known here and this is not its next revision.
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
-- A package that is stored already stays as it is.
INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals, status, cause,
                      replay_id, bundle_sha256, content_sha256, prompt_version, model, ticket, event, created_at,
                      redacted_sha256, redacted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT DO NOTHING;
