-- Retention: old content is deleted, keys stay longer. Ages are in seconds, by the database's clock.
-- Locks are taken as intake takes them: sessions by key, then their requests. Sessions that are locked are left out.
-- Events, drafts, packages and fingerprints of secrets are deleted by the queries of erasure.sql.

-- name: count
SELECT count(*) FROM sessions;

-- name: page
-- The $3 sessions after the key $1, $2, in order. Those with content that have been quiet for $4 seconds are old; those
-- that were trimmed more than $5 seconds ago can lose their keys ($5 null: none).
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
-- Those that have still been quiet for $3 seconds.
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
-- The sessions among these that have content, and for which nothing is younger than $3 seconds or still to be done.
-- Within $4 seconds of a first package a change of the session yields a revision, so these stay.
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
-- Requests stay as keys, so that known requests are neither drafted nor published again.
UPDATE requests AS r
SET reason = NULL, traceparent = NULL, tracestate = NULL, upgrade_wanted = false
FROM unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
WHERE (r.tenant_id, r.session_id) = (old.tenant_id, old.session_id);

-- name: forget_feedback_texts
-- What became of packages is counted as long as the keys stay; what somebody wrote about it goes.
UPDATE package_feedback AS f
SET said = (f.said::jsonb - 'reason' - 'comment' - 'tags')::text
FROM unnest($1::text[], $2::text[]) AS old (tenant_id, session_id)
WHERE (f.tenant_id, f.session_id) = (old.tenant_id, old.session_id);

-- name: mark_sessions
-- Fingerprints of secrets stay: if the session goes on, the values are still removed. The ticket ($3, JSON or null)
-- stays for a withdrawal. New events are counted from 1 again.
UPDATE sessions AS s
SET trimmed_at = now(), last_ticket = coalesce(old.ticket::jsonb, s.last_ticket), newest_version = NULL, event_count = 0
FROM unnest($1::text[], $2::text[], $3::text[]) AS old (tenant_id, session_id, ticket)
WHERE (s.tenant_id, s.session_id) = (old.tenant_id, old.session_id);

-- name: forget_excerpts
-- Empties up to $2 excerpts that are older than $1 seconds.
WITH old AS (
    SELECT topic, partition, "offset", record_ms FROM dead_letters
    WHERE excerpt <> '' AND failed_at < now() - make_interval(secs => $1) LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE dead_letters AS d SET excerpt = '' FROM old
WHERE (d.topic, d.partition, d."offset", d.record_ms) = (old.topic, old.partition, old."offset", old.record_ms)
RETURNING true;

-- name: count_excerpts
SELECT count(*) FROM dead_letters WHERE excerpt <> '' AND failed_at < now() - make_interval(secs => $1);

-- name: lock_forgettable
-- The sessions among these that were trimmed more than $3 seconds ago and have had nothing new since.
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
-- Deletes up to $2 dead letters that are older than $1 seconds.
WITH old AS (
    SELECT topic, partition, "offset", record_ms FROM dead_letters
    WHERE failed_at < now() - make_interval(secs => $1) LIMIT $2
    FOR UPDATE SKIP LOCKED
)
DELETE FROM dead_letters AS d USING old
WHERE (d.topic, d.partition, d."offset", d.record_ms) = (old.topic, old.partition, old."offset", old.record_ms)
RETURNING true;

-- name: forget_settled_dead_letters
-- Deletes up to $2 that left the list more than $1 seconds ago.
DELETE FROM settled_dead_letters WHERE ctid IN (
    SELECT ctid FROM settled_dead_letters WHERE settled_at < now() - make_interval(secs => $1) LIMIT $2
    FOR UPDATE SKIP LOCKED);

-- name: forget_dead_letter_jobs
-- Deletes up to $2 jobs that ended more than $1 seconds ago.
DELETE FROM dead_letter_jobs WHERE job_id IN (
    SELECT job_id FROM dead_letter_jobs WHERE ended_at < now() - make_interval(secs => $1) LIMIT $2
    FOR UPDATE SKIP LOCKED);
