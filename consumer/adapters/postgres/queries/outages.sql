-- The one row that exists while the model is away, and the upgrades that wait for the model.

-- name: begin_outage
-- $2 are the seconds until the next probe. During an outage it can only move the next probe further away.
INSERT INTO model_outage (reason, next_probe_at) VALUES ($1, now() + make_interval(secs => $2))
ON CONFLICT (only_row) DO UPDATE SET next_probe_at = greatest(model_outage.next_probe_at, excluded.next_probe_at);

-- name: end_outage
DELETE FROM model_outage;

-- name: wake_upgrades
-- Makes up to $2 upgrades due, spread over $1 seconds, so that they do not overload the model that has come back.
-- $3 is added to the priority and gives the rank.
WITH waiting AS MATERIALIZED (
    SELECT tenant_id, session_id, request_id
    FROM requests
    WHERE upgrade_wanted AND due_at IS NULL AND state = 'done' AND NOT EXISTS (SELECT FROM model_outage)
      AND NOT EXISTS (SELECT FROM model_doubts AS d
                      WHERE (d.tenant_id, d.session_id) = (requests.tenant_id, requests.session_id))
    ORDER BY ended_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE requests AS r
SET due_at = now() + make_interval(secs => random() * $1), cause = 'upgrade', replay_id = NULL, rank = priority + $3
FROM waiting
WHERE (r.tenant_id, r.session_id, r.request_id) = (waiting.tenant_id, waiting.session_id, waiting.request_id)
RETURNING true;
