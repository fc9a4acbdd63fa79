-- Refused prompts: the prompt's own fault, or the API's? The states stand in flows/drafting/ports.py, at `Doubts`.
-- Where five parameters are compared with the key, they are tenant, session, bundle digest, prompt version and model.

-- name: one_at_a_time
-- Of two refusals at once the later one counts the earlier one. Readers and claims are not held up.
LOCK TABLE model_doubts IN SHARE ROW EXCLUSIVE MODE;

-- name: refuses
SELECT EXISTS (SELECT FROM model_outage WHERE refuses);

-- name: doubt
-- $6 are the warnings of a package that rules draft instead, $7 the work that the draft was for.
INSERT INTO model_doubts (tenant_id, session_id, bundle_sha256, prompt_version, model, refusal, drafted_for)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant_id, session_id, bundle_sha256, prompt_version, model)
DO UPDATE SET refused_at = now(), in_a_row = true;

-- name: in_a_row
SELECT count(*) FROM model_doubts WHERE in_a_row;

-- name: take_back
DELETE FROM model_doubts;

-- name: begin_refusal
-- $2 are the seconds until the first probe.
INSERT INTO model_outage (reason, next_probe_at, refuses) VALUES ($1, now() + make_interval(secs => $2), true)
ON CONFLICT (only_row) DO UPDATE
SET reason = excluded.reason, refuses = true, next_probe_at = greatest(model_outage.next_probe_at, excluded.next_probe_at);

-- name: doubted
SELECT EXISTS (
    SELECT FROM model_doubts
    WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5));

-- name: session_doubted
SELECT EXISTS (SELECT FROM model_doubts WHERE (tenant_id, session_id) = ($1, $2));
