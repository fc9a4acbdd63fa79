-- What calls to models cost. Months are calendar months in UTC; the tenant '' stands for all tenants together.

-- part: month
date_trunc('month', now() AT TIME ZONE 'UTC')

-- name: open_call
-- Lets a call begin, and holds what it may cost ($7; null where nobody knows its price). $1 and $2 are the session, $3
-- the work that it is for, $4 its purpose, $5 the provider, $6 the model, $8 the budget of all tenants together, or null.
-- No row where the tenant's policy keeps its texts from models, or where a budget is used up: by what was spent in this
-- month, and what calls under way hold. One that was cut off by a kill holds its part to the end of the month.
INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, held_usd)
SELECT $1, $2, $3, $4, $5, $6, coalesce($7::float8, 0)
FROM (SELECT (SELECT model FROM tenant_policies WHERE tenant_id = $1) AS model,
             (SELECT monthly_budget_usd FROM tenant_policies WHERE tenant_id = $1) AS budget) AS policy
WHERE policy.model IS DISTINCT FROM 'off'
  AND ($7::float8 IS NOT NULL OR policy.budget IS NULL AND $8::float8 IS NULL)
  AND (policy.budget IS NULL
       OR (SELECT coalesce(sum(usd), 0) FROM model_days WHERE tenant_id = $1 AND day >= {{month}})
          + (SELECT coalesce(sum(held_usd), 0) FROM model_calls
             WHERE tenant_id = $1 AND ended_at IS NULL AND began_at AT TIME ZONE 'UTC' >= {{month}}) < policy.budget)
  AND ($8::float8 IS NULL
       OR (SELECT coalesce(sum(usd), 0) FROM model_days WHERE tenant_id = '' AND day >= {{month}})
          + (SELECT coalesce(sum(held_usd), 0) FROM model_calls
             WHERE ended_at IS NULL AND began_at AT TIME ZONE 'UTC' >= {{month}}) < $8)
RETURNING call_id;

-- name: is_off
SELECT EXISTS (SELECT FROM tenant_policies WHERE tenant_id = $1 AND model = 'off');

-- name: settle_call
-- Notes what a call has cost ($2, null where nobody knows its price), by which model ($3), and its tokens ($4 to $7).
-- The API has answered. So a draft's call also settles the doubts (flows/drafting/ports.py): prompts that were refused
-- before it began go into the ledger as refused, because the API takes other prompts; what was refused since may be the
-- beginning of an outage, but no longer one in a row.
WITH ended AS (
    UPDATE model_calls
    SET ended_at = now(), held_usd = 0, usd = $2, model = $3, input_tokens = $4, output_tokens = $5,
        cache_read_input_tokens = $6, cache_creation_input_tokens = $7
    WHERE call_id = $1 AND ended_at IS NULL
    RETURNING tenant_id, provider, purpose, began_at
), proven AS (
    DELETE FROM model_doubts AS d USING ended WHERE ended.purpose = 'draft' AND d.refused_at < ended.began_at
    RETURNING d.tenant_id, d.session_id, d.bundle_sha256, d.prompt_version, d.model, d.refusal, d.drafted_for
), broken AS (
    UPDATE model_doubts AS d SET in_a_row = false FROM ended
    WHERE ended.purpose = 'draft' AND d.refused_at >= ended.began_at AND d.in_a_row
), at_fault AS (
    INSERT INTO drafts AS d (tenant_id, session_id, bundle_sha256, prompt_version, model, state, refusal, drafted_for)
    SELECT tenant_id, session_id, bundle_sha256, prompt_version, model, 'refused', refusal, drafted_for FROM proven
    ON CONFLICT (tenant_id, session_id, bundle_sha256, prompt_version, model) DO UPDATE
    SET state = 'refused', refusal = excluded.refusal, drafted_for = excluded.drafted_for, answer = NULL
    WHERE d.state <> 'claimed'
)
INSERT INTO model_days AS d
    (tenant_id, day, provider, model, purpose, calls, usd, input_tokens, output_tokens, cache_read_input_tokens,
     cache_creation_input_tokens)
SELECT payer.tenant_id, (now() AT TIME ZONE 'UTC')::date, ended.provider, $3, ended.purpose, 1, coalesce($2, 0), $4, $5,
       $6, $7
FROM ended, LATERAL (VALUES (''), (ended.tenant_id)) AS payer (tenant_id)
ON CONFLICT (tenant_id, day, provider, model, purpose) DO UPDATE
SET calls = d.calls + 1, usd = d.usd + excluded.usd, input_tokens = d.input_tokens + excluded.input_tokens,
    output_tokens = d.output_tokens + excluded.output_tokens,
    cache_read_input_tokens = d.cache_read_input_tokens + excluded.cache_read_input_tokens,
    cache_creation_input_tokens = d.cache_creation_input_tokens + excluded.cache_creation_input_tokens;

-- name: drop_call
-- A call that got no answer, and cost nothing.
DELETE FROM model_calls WHERE call_id = $1 AND ended_at IS NULL;

-- name: nearly_spent
-- The budgets of which $2 (a share) or more is spent in this month, the tenants' and ($1) that of all together.
SELECT budgets.tenant_id, budgets.budget, coalesce(sum(d.usd), 0)::float8 AS usd
FROM (SELECT tenant_id, monthly_budget_usd AS budget FROM tenant_policies
      WHERE monthly_budget_usd IS NOT NULL AND model = 'on'
      UNION ALL
      SELECT '', $1::float8 WHERE $1::float8 IS NOT NULL) AS budgets
LEFT JOIN model_days AS d ON d.tenant_id = budgets.tenant_id AND d.day >= {{month}}
GROUP BY budgets.tenant_id, budgets.budget
HAVING coalesce(sum(d.usd), 0) >= $2::float8 * budgets.budget
ORDER BY budgets.tenant_id;

-- name: forget_calls
-- Deletes up to $2 calls that are older than $1 seconds; the sums by day stay.
DELETE FROM model_calls
WHERE call_id IN (SELECT call_id FROM model_calls WHERE began_at < now() - make_interval(secs => $1)
                  ORDER BY began_at LIMIT $2 FOR UPDATE SKIP LOCKED);

-- name: spend
-- Sums by tenant ($1, or all of them), since the day $2. $3 says whether by day, too.
SELECT tenant_id, CASE WHEN $3::boolean THEN day END AS day, provider, model, purpose, sum(calls)::bigint AS calls,
       sum(usd)::float8 AS usd, sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
       sum(cache_read_input_tokens)::bigint AS cache_read_input_tokens,
       sum(cache_creation_input_tokens)::bigint AS cache_creation_input_tokens
FROM model_days
WHERE tenant_id <> '' AND ($1::text IS NULL OR tenant_id = $1) AND day >= $2::date
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5;

-- name: policies
-- Of all tenants, or of $1, with what was spent in this month.
SELECT p.tenant_id, p.model, p.language, p.monthly_budget_usd, coalesce(sum(d.usd), 0)::float8 AS spent_usd,
       p.note_footer, p.set_at, p.stored_at, p.previous
FROM tenant_policies AS p LEFT JOIN model_days AS d ON d.tenant_id = p.tenant_id AND d.day >= {{month}}
WHERE $1::text IS NULL OR p.tenant_id = $1
GROUP BY p.tenant_id
ORDER BY p.tenant_id;

-- name: dearest
-- The $3 packages that cost most, since the day $2, of the tenant $1 where it is given; by the work that was paid for.
SELECT tenant_id, session_id, drafted_for, count(*) AS calls, sum(usd)::float8 AS usd,
       sum(input_tokens + cache_read_input_tokens + cache_creation_input_tokens)::bigint AS tokens_in,
       sum(output_tokens)::bigint AS tokens_out, max(began_at) AS last_call_at
FROM model_calls
WHERE ended_at IS NOT NULL AND ($1::text IS NULL OR tenant_id = $1) AND began_at >= $2::date
GROUP BY tenant_id, session_id, drafted_for
ORDER BY usd DESC NULLS LAST
LIMIT $3;
