-- A session as drafting and replays read it.

-- name: history
-- One statement sees one snapshot, so the events and the counts belong together. One row per event, in version order.
SELECT s.event_count, s.erased_at IS NOT NULL AS erased, s.last_ticket,
       (SELECT count(*)::int FROM session_secrets WHERE (tenant_id, session_id) = ($1, $2)) AS secrets,
       e.version, e.event_id, e.type, e.occurred_at, e.utc_offset, e.actor, e.data
FROM sessions AS s LEFT JOIN session_events AS e USING (tenant_id, session_id)
WHERE (s.tenant_id, s.session_id) = ($1, $2)
ORDER BY e.version;

-- name: lock_session
-- A shared lock: drafting does not wait for drafting. Intake locks the row for itself, so it comes before or after.
SELECT event_count, erased_at IS NOT NULL AS erased FROM sessions WHERE (tenant_id, session_id) = ($1, $2) FOR SHARE;
