-- The ledger of drafts: one row per key. A key is claimed before the model is called.
-- Where five parameters are compared with the key, they are tenant, session, bundle digest, prompt version and model.

-- name: renew_claims
-- Prolongs claims to $7 seconds from now; $1 to $5 are their keys, $6 their tokens. Skips rows that are locked now.
WITH held AS MATERIALIZED (
    SELECT d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model
    FROM drafts AS d
    JOIN unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
         AS mine (tenant_id, session_id, bundle_sha256, prompt_version, model, token)
      ON (d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model)
       = (mine.tenant_id, mine.session_id, mine.bundle_sha256, mine.prompt_version, mine.model)
    WHERE d.state = 'claimed' AND d.claim_token = mine.token
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE drafts AS d SET claimed_until = now() + make_interval(secs => $7)
FROM held
WHERE (d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model)
    = (held.tenant_id, held.session_id, held.bundle_sha256, held.prompt_version, held.model);

-- name: find_draft
SELECT state, answer, refusal FROM drafts
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5);

-- name: find_any_draft
-- A draft of this bundle: that of this prompt ($4) and model ($5) if there is one, else the newest.
SELECT prompt_version, model, state, answer, refusal FROM drafts
WHERE (tenant_id, session_id, bundle_sha256) = ($1, $2, $3) AND state = 'drafted'
ORDER BY (prompt_version, model) = ($4, $5) DESC, drafted_at DESC
LIMIT 1;

-- name: claim_draft
-- Claims a key ($1 to $5) for $6 seconds: one without a row, one whose claim has expired, or, if $8 (force), one that
-- was drafted or refused for other work than $7. No row when the key cannot be claimed, or is doubted.
INSERT INTO drafts AS d (tenant_id, session_id, bundle_sha256, prompt_version, model,
                         state, claim_token, claimed_until, drafted_for, claimed_by)
SELECT $1, $2, $3, $4, $5, 'claimed', nextval('lease_tokens'), now() + make_interval(secs => $6), $7,
       current_setting('application_name')
WHERE NOT EXISTS (
    SELECT FROM model_doubts
    WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5))
ON CONFLICT (tenant_id, session_id, bundle_sha256, prompt_version, model) DO UPDATE
SET state = 'claimed', claim_token = excluded.claim_token, claimed_until = excluded.claimed_until,
    claimed_by = excluded.claimed_by
WHERE d.state = 'claimed' AND d.claimed_until < now()
   OR d.state <> 'claimed' AND $8 AND d.drafted_for IS DISTINCT FROM $7
RETURNING claim_token, EXISTS (SELECT FROM model_outage) AS model_away;

-- name: model_away
-- Whether the model is away; no row when the claim with the token $6 is no longer held.
SELECT EXISTS (SELECT FROM model_outage) FROM drafts
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6;

-- part: drafted
state = 'drafted', claim_token = NULL, claimed_until = NULL, refusal = NULL,
    answer = $7, attempts = $8, usage = $9, drafted_for = $10, drafted_at = $11

-- part: claimed
(d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model) = ($1, $2, $3, $4, $5)
  AND d.state = 'claimed' AND d.claim_token = $6
  AND (SELECT count(*) FROM session_secrets AS s WHERE (s.tenant_id, s.session_id) = ($1, $2)) = $12

-- name: store_draft
-- Ends the claim with the token $6, under the session's lock. No row when the claim was lost, or when the session has
-- other known secrets than the $12 that the draft was made with.
UPDATE drafts AS d SET {{drafted}} WHERE {{claimed}} RETURNING true;

-- name: store_draft_at_once
-- As `store_draft`, and takes the session's lock itself. No row also when the session was erased, or has changed since
-- this statement began: what it sees is then older than the lock.
WITH session AS MATERIALIZED (
    SELECT xmin, erased_at FROM sessions WHERE (tenant_id, session_id) = ($1, $2) FOR SHARE
)
UPDATE drafts AS d SET {{drafted}}
FROM session
WHERE {{claimed}} AND session.erased_at IS NULL
  AND session.xmin = (SELECT xmin FROM sessions WHERE (tenant_id, session_id) = ($1, $2))
RETURNING true;

-- name: decline_draft
-- Ends the claim with the token $6 without a draft; $7 are the warnings of a package that rules draft instead.
UPDATE drafts
SET state = 'refused', claim_token = NULL, claimed_until = NULL, refusal = $7, drafted_for = $8, answer = NULL
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6;

-- name: drop_claim
-- Deletes a claim that produced nothing, unless it was made over an older draft or refusal.
DELETE FROM drafts
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6 AND answer IS NULL AND refusal IS NULL;

-- name: restore_draft
-- Gives back a claim that was made over an older draft or refusal, which counts again.
UPDATE drafts
SET state = CASE WHEN answer IS NULL THEN 'refused' ELSE 'drafted' END, claim_token = NULL, claimed_until = NULL
WHERE (tenant_id, session_id, bundle_sha256, prompt_version, model) = ($1, $2, $3, $4, $5)
  AND state = 'claimed' AND claim_token = $6;

-- name: secrets
-- The known secrets of a session. They change only under the session's lock.
SELECT kind, identity, forms FROM session_secrets WHERE (tenant_id, session_id) = ($1, $2);
