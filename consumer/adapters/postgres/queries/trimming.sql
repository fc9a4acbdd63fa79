-- Retention: content leaves by age, keys stay longer. Ages are the database's, in seconds.
-- Locks are taken as intake takes them: sessions by key, then their requests. What somebody else has locked is left out.
-- Events, drafts, packages and fingerprints go as an erasure has them go: erasure.sql.

-- name: count
SELECT count(*) FROM sessions;

-- name: page
-- Keys in order, and which of them are old enough to be looked at. $3 how many, $4 age, $5 age of keys or null.
WITH page AS MATERIALIZED (
    SELECT tenant_id, session_id, changed_at, trimmed_at, erased_at, event_count FROM sessions
    WHERE (tenant_id, session_id) > ($1::text, $2::text)
    ORDER BY tenant_id, session_id
    LIMIT $3
)
SELECT tenant_id, session_id,
       erased_at IS NULL AND changed_at < now() - make_interval(secs => $4)
           AND (trimmed_at IS NULL OR event_count > 0 OR EXISTS (
               SELECT FROM requests AS r WHERE (r.tenant_id, r.session_id) = (page.tenant_id, page.session_id)
                                           AND r.reason IS NOT NULL)) AS is_old,
       erased_at IS NULL AND coalesce(trimmed_at < now() - make_interval(secs => $5), false) AS is_forgettable
FROM page
ORDER BY tenant_id, session_id;

-- name: lock_sessions
SELECT s.tenant_id, s.session_id
FROM sessions AS s
JOIN unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
  ON (s.tenant_id, s.session_id) = (old.tenant_id, old.session_id)
WHERE s.erased_at IS NULL AND s.changed_at < now() - make_interval(secs => $3)
ORDER BY s.tenant_id, s.session_id
FOR UPDATE OF s SKIP LOCKED;

-- name: lock_requests
SELECT FROM requests AS r
JOIN unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
  ON (r.tenant_id, r.session_id) = (old.tenant_id, old.session_id)
ORDER BY r.tenant_id, r.session_id, r.request_id
FOR UPDATE OF r;

-- name: trimmable
-- Of these sessions, those with content, and with nothing that is young or still to be done. $3 age, $4 the time in which
-- a change of the session yields a revision.
SELECT s.tenant_id, s.session_id,
       (SELECT count(*) FROM session_events AS e WHERE (e.tenant_id, e.session_id) = (s.tenant_id, s.session_id)) AS events,
       (SELECT count(*) FROM packages AS p WHERE (p.tenant_id, p.session_id) = (s.tenant_id, s.session_id)) AS packages,
       (SELECT count(*) FROM drafts AS d WHERE (d.tenant_id, d.session_id) = (s.tenant_id, s.session_id)) AS drafts
FROM sessions AS s
JOIN unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
  ON (s.tenant_id, s.session_id) = (old.tenant_id, old.session_id)
WHERE s.erased_at IS NULL AND s.changed_at < now() - make_interval(secs => $3)
  AND (s.trimmed_at IS NULL
       OR EXISTS (SELECT FROM session_events AS e WHERE (e.tenant_id, e.session_id) = (s.tenant_id, s.session_id))
       OR EXISTS (SELECT FROM packages AS p WHERE (p.tenant_id, p.session_id) = (s.tenant_id, s.session_id))
       OR EXISTS (SELECT FROM requests AS r WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)
                                              AND r.reason IS NOT NULL))
  AND NOT EXISTS (
      SELECT FROM requests AS r
      WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)
        AND (r.state = 'open' OR r.due_at IS NOT NULL OR r.leased_until > now()
             OR greatest(r.stored_at, r.ended_at) > now() - make_interval(secs => $3)
             OR r.first_done_at + make_interval(secs => $4) > now()))
  AND NOT EXISTS (SELECT FROM outbox AS o WHERE (o.tenant_id, o.session_id) = (s.tenant_id, s.session_id))
  AND NOT EXISTS (SELECT FROM drafts AS d WHERE (d.tenant_id, d.session_id) = (s.tenant_id, s.session_id)
                                            AND d.state = 'claimed' AND d.claimed_until > now())
ORDER BY s.tenant_id, s.session_id;

-- name: forget_texts
-- Requests stay as keys: known ones are neither drafted nor published again.
UPDATE requests AS r
SET reason = NULL, traceparent = NULL, tracestate = NULL, upgrade_wanted = false
FROM unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
WHERE (r.tenant_id, r.session_id) = (old.tenant_id, old.session_id);

-- name: mark_sessions
-- Fingerprints of secrets stay: should the session go on, their values are still removed. The ticket stays for a
-- withdrawal. What comes is counted anew.
UPDATE sessions AS s
SET trimmed_at = now(), last_ticket = coalesce(old.ticket::jsonb, s.last_ticket), newest_version = NULL, event_count = 0
FROM unnest($1::text[], $2::text[], $3::text[]) AS old (tenant_id, session_id, ticket)
WHERE (s.tenant_id, s.session_id) = (old.tenant_id, old.session_id);

-- name: forget_excerpts
-- Up to $2 excerpts that are older than $1.
WITH old AS (
    SELECT topic, partition, "offset" FROM dead_letters
    WHERE excerpt <> '' AND failed_at < now() - make_interval(secs => $1) LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE dead_letters AS d SET excerpt = '' FROM old
WHERE (d.topic, d.partition, d."offset") = (old.topic, old.partition, old."offset")
RETURNING true;

-- name: count_excerpts
SELECT count(*) FROM dead_letters WHERE excerpt <> '' AND failed_at < now() - make_interval(secs => $1);

-- name: lock_forgettable
-- Sessions whose content left longer ago than $3 and that had nothing since.
SELECT s.tenant_id, s.session_id
FROM sessions AS s
JOIN unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
  ON (s.tenant_id, s.session_id) = (old.tenant_id, old.session_id)
WHERE s.erased_at IS NULL AND s.trimmed_at < now() - make_interval(secs => $3) AND s.event_count = 0
  AND s.changed_at < s.trimmed_at
  AND NOT EXISTS (SELECT FROM requests AS r WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)
                                              AND (r.state = 'open' OR r.stored_at > s.trimmed_at))
ORDER BY s.tenant_id, s.session_id
FOR UPDATE OF s SKIP LOCKED;

-- name: forget_requests
DELETE FROM requests AS r USING unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
WHERE (r.tenant_id, r.session_id) = (old.tenant_id, old.session_id);

-- name: forget_sessions
DELETE FROM sessions AS s USING unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
WHERE (s.tenant_id, s.session_id) = (old.tenant_id, old.session_id);

-- name: forget_dead_letters
WITH old AS (
    SELECT topic, partition, "offset" FROM dead_letters
    WHERE failed_at < now() - make_interval(secs => $1) LIMIT $2
    FOR UPDATE SKIP LOCKED
)
DELETE FROM dead_letters AS d USING old
WHERE (d.topic, d.partition, d."offset") = (old.topic, old.partition, old."offset")
RETURNING true;
