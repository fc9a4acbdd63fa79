-- The erasure of sessions, which are locked by then. Their ids, their last tickets and the fact of the erasure remain.
-- $1 and $2 are the sessions: tenants and session ids.
-- Retention deletes events, drafts, packages and fingerprints of secrets by the same queries.

-- name: requests_of
-- The requests that are open or done, locked, each with the ticket of its last package.
SELECT r.tenant_id, r.session_id, r.request_id, r.state, r.revision, r.requested_state_version, r.traceparent,
       r.tracestate, r.replay_ids, p.package_id IS NOT NULL AS has_package, p.ticket
FROM requests AS r
JOIN unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
  ON (r.tenant_id, r.session_id) = (erased.tenant_id, erased.session_id)
LEFT JOIN packages AS p ON p.package_id = r.last_package_id
WHERE r.state IN ('open', 'done')
ORDER BY r.tenant_id, r.session_id, r.request_id
FOR UPDATE OF r;

-- name: end_requests
-- Requests stay as keys. Those that were open have failed, those with a package are cancelled.
UPDATE requests AS r
SET state = CASE r.state WHEN 'open' THEN 'failed' WHEN 'done' THEN 'cancelled' ELSE r.state END,
    failure = CASE WHEN r.state IN ('open', 'done') THEN 'session_erased' ELSE r.failure END,
    ended_at = CASE WHEN r.state IN ('open', 'done') THEN now() ELSE r.ended_at END,
    reason = NULL, traceparent = NULL, tracestate = NULL, backlog = NULL, due_at = NULL, lease_token = NULL,
    leased_until = NULL, upgrade_wanted = false
FROM unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (r.tenant_id, r.session_id) = (erased.tenant_id, erased.session_id);

-- name: forget_foreseen
-- Cancellations whose request never arrived.
DELETE FROM requests AS r USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (r.tenant_id, r.session_id) = (erased.tenant_id, erased.session_id) AND r.state = 'foreseen';

-- name: forget_events
DELETE FROM session_events AS e USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (e.tenant_id, e.session_id) = (erased.tenant_id, erased.session_id);

-- name: forget_secrets
DELETE FROM session_secrets AS s USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (s.tenant_id, s.session_id) = (erased.tenant_id, erased.session_id);

-- name: forget_doubts
-- Before the drafts: a doubt that is settled meanwhile becomes one.
DELETE FROM model_doubts AS d USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (d.tenant_id, d.session_id) = (erased.tenant_id, erased.session_id);

-- name: forget_drafts
DELETE FROM drafts AS d USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (d.tenant_id, d.session_id) = (erased.tenant_id, erased.session_id);

-- name: forget_packages
DELETE FROM packages AS p USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (p.tenant_id, p.session_id) = (erased.tenant_id, erased.session_id);

-- name: forget_feedback
DELETE FROM package_feedback AS f USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (f.tenant_id, f.session_id) = (erased.tenant_id, erased.session_id);

-- name: forget_outbox
-- Packages that are not published yet. Withdrawals and failures hold no content and stay.
DELETE FROM outbox AS o USING unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE (o.tenant_id, o.session_id) = (erased.tenant_id, erased.session_id)
  AND (o.headers @> '[["event_type", "escalation.package_ready.v1"]]'
       OR o.headers @> '[["ce_type", "escalation.package_ready.v1"]]'); -- as earlier releases wrote it

-- name: unpublished
-- Dead letters that are not published yet, of these sessions. A dead letter of an unknown tenant counts as theirs.
SELECT DISTINCT o.id, o.value
FROM outbox AS o
JOIN unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
  ON o.session_id = erased.session_id AND (o.tenant_id = erased.tenant_id OR o.tenant_id IS NULL)
WHERE o.headers @> '[["dlq.topic"]]';

-- name: rewrite_outbox
UPDATE outbox AS o SET value = clean.value
FROM unnest($1::bigint[], $2::bytea[]) AS clean (id, value)
WHERE o.id = clean.id;

-- name: forget_excerpts
-- The tenant of an unreadable record is unknown: it is better to lose an excerpt too many than to keep one too many.
UPDATE dead_letters AS d SET excerpt = '', request_id = NULL, source = NULL
FROM unnest($1::text[], $2::text[]) AS erased (tenant_id, session_id)
WHERE d.session_id = erased.session_id AND (d.tenant_id = erased.tenant_id OR d.tenant_id IS NULL)
  AND (d.excerpt <> '' OR d.request_id IS NOT NULL OR d.source IS NOT NULL);

-- name: mark_sessions
-- $3 are the last tickets as JSON, null without one.
UPDATE sessions AS s
SET erased_at = now(), last_ticket = erased.ticket::jsonb, newest_version = NULL, event_count = 0, has_secrets = false,
    changed_at = now()
FROM unnest($1::text[], $2::text[], $3::text[]) AS erased (tenant_id, session_id, ticket)
WHERE (s.tenant_id, s.session_id) = (erased.tenant_id, erased.session_id);
