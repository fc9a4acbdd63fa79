-- The known secrets of sessions, and the stored texts that are swept by them. The sessions are locked by then.
-- Where a query has only $1 and $2, they are the sessions: tenants and session ids.

-- name: known
SELECT s.tenant_id, s.session_id, s.identity, s.kind, s.forms
FROM session_secrets AS s
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (s.tenant_id, s.session_id) = (wanted.tenant_id, wanted.session_id);

-- name: remember
-- Also gives the sessions' rows a new version: by that a final transaction of drafting sees that there are secrets it has
-- not looked at (`xmin` in ledger.sql and endings.sql).
WITH remembered AS (
    INSERT INTO session_secrets (tenant_id, session_id, identity, kind, forms)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, session_id
)
UPDATE sessions AS s SET has_secrets = true
FROM (SELECT DISTINCT tenant_id, session_id FROM remembered) AS marked
WHERE (s.tenant_id, s.session_id) = (marked.tenant_id, marked.session_id);

-- name: events
SELECT e.tenant_id, e.session_id, e.version, e.actor, e.data
FROM session_events AS e
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (e.tenant_id, e.session_id) = (wanted.tenant_id, wanted.session_id)
WHERE e.data IS NOT NULL OR e.actor IS NOT NULL;

-- name: rewrite_events
UPDATE session_events AS e SET actor = clean.actor, data = clean.data
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
     AS clean (tenant_id, session_id, version, actor, data)
WHERE (e.tenant_id, e.session_id, e.version) = (clean.tenant_id, clean.session_id, clean.version);

-- name: reasons
SELECT r.tenant_id, r.session_id, r.request_id, r.reason
FROM requests AS r
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (r.tenant_id, r.session_id) = (wanted.tenant_id, wanted.session_id)
WHERE r.reason IS NOT NULL;

-- name: rewrite_reasons
UPDATE requests AS r SET reason = clean.reason
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS clean (tenant_id, session_id, request_id, reason)
WHERE (r.tenant_id, r.session_id, r.request_id) = (clean.tenant_id, clean.session_id, clean.request_id);

-- name: drafts
-- Drafts with an answer; the first five columns are the key.
SELECT d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model, d.answer
FROM drafts AS d
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (d.tenant_id, d.session_id) = (wanted.tenant_id, wanted.session_id)
WHERE d.answer IS NOT NULL;

-- name: forget_drafts
DELETE FROM drafts AS d
USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
      AS gone (tenant_id, session_id, bundle_sha256, prompt_version, model)
WHERE (d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model)
    = (gone.tenant_id, gone.session_id, gone.bundle_sha256, gone.prompt_version, gone.model);

-- name: packages
SELECT p.tenant_id, p.session_id, p.package_id, p.event
FROM packages AS p
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (p.tenant_id, p.session_id) = (wanted.tenant_id, wanted.session_id);

-- name: rewrite_packages
UPDATE packages AS p SET event = clean.event, content_sha256 = clean.content_sha256
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS clean (package_id, event, content_sha256)
WHERE p.package_id = clean.package_id;

-- name: unpublished
-- A dead letter of an unknown tenant counts as every tenant's; it may then come once for each of these sessions.
SELECT wanted.tenant_id, wanted.session_id, o.id, o.value
FROM outbox AS o
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (o.tenant_id, o.session_id) = (wanted.tenant_id, wanted.session_id)
UNION ALL
SELECT wanted.tenant_id, wanted.session_id, o.id, o.value
FROM outbox AS o
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON o.tenant_id IS NULL AND o.session_id = wanted.session_id;

-- name: rewrite_outbox
UPDATE outbox AS o SET value = clean.value
FROM unnest($1::bigint[], $2::bytea[]) AS clean (id, value)
WHERE o.id = clean.id;

-- name: feedback
SELECT f.tenant_id, f.session_id, f.event_id, f.said
FROM package_feedback AS f
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON (f.tenant_id, f.session_id) = (wanted.tenant_id, wanted.session_id);

-- name: rewrite_feedback
UPDATE package_feedback AS f SET said = clean.said
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS clean (tenant_id, session_id, event_id, said)
WHERE (f.tenant_id, f.session_id, f.event_id) = (clean.tenant_id, clean.session_id, clean.event_id);

-- name: letters
-- The texts of refused records. One of an unknown tenant counts as every tenant's, as in `unpublished`.
SELECT wanted.tenant_id, wanted.session_id, d.topic, d.partition, d."offset", d.record_ms, d.excerpt, d.error,
       d.redrive_error, d.request_id, d.source
FROM dead_letters AS d
JOIN unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
  ON d.session_id = wanted.session_id AND (d.tenant_id = wanted.tenant_id OR d.tenant_id IS NULL);

-- name: rewrite_letters
UPDATE dead_letters AS d
SET excerpt = clean.excerpt, error = clean.error, redrive_error = clean.redrive_error, request_id = clean.request_id,
    source = clean.source
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[]) AS clean (topic, partition, "offset", record_ms, excerpt, error, redrive_error, request_id, source)
WHERE (d.topic, d.partition, d."offset", d.record_ms)
    = (clean.topic, clean.partition, clean."offset", clean.record_ms);

-- name: of_session_ids
-- The known secrets of all sessions with the ids $1, whichever their tenants.
SELECT s.tenant_id, s.session_id, k.identity, k.kind, k.forms
FROM sessions AS s
JOIN session_secrets AS k ON (k.tenant_id, k.session_id) = (s.tenant_id, s.session_id)
WHERE s.session_id = ANY($1::text[]) AND s.has_secrets;
