-- What the console shows of spend, policies and feedback. Each query looks at a bounded number of rows, or at sums by
-- day. The tenant '' stands for all tenants together; days and months are in UTC.

-- part: month
date_trunc('month', now() AT TIME ZONE 'UTC')

-- part: sums
sum(calls)::bigint AS calls, sum(usd)::float8 AS usd, sum(input_tokens)::bigint AS input_tokens,
       sum(output_tokens)::bigint AS output_tokens, sum(cache_read_input_tokens)::bigint AS cache_read_input_tokens,
       sum(cache_creation_input_tokens)::bigint AS cache_creation_input_tokens

-- name: by_day
-- Of the tenant $1 ('' for all) since the day $2, the newest first. By the primary key.
SELECT day::text AS name, {{sums}} FROM model_days WHERE tenant_id = $1 AND day >= $2::date
GROUP BY day ORDER BY day DESC;

-- name: by_model
SELECT provider || ' / ' || model || ' / ' || purpose AS name, {{sums}} FROM model_days
WHERE tenant_id = $1 AND day >= $2::date
GROUP BY provider, model, purpose ORDER BY usd DESC, name;

-- name: by_tenant
-- The $2 dearest tenants since the day $1.
SELECT tenant_id AS name, {{sums}} FROM model_days WHERE tenant_id <> '' AND day >= $1::date
GROUP BY tenant_id ORDER BY usd DESC, name LIMIT $2;

-- name: this_month
-- What the tenant $1 ('' for all) spent, what its calls under way may cost, and its budget.
SELECT (SELECT monthly_budget_usd FROM tenant_policies WHERE tenant_id = $1) AS budget_usd,
       coalesce(sum(usd), 0)::float8 AS usd,
       (SELECT coalesce(sum(held_usd), 0)::float8 FROM model_calls
        WHERE ended_at IS NULL AND ($1 = '' OR tenant_id = $1) AND began_at AT TIME ZONE 'UTC' >= {{month}}) AS held_usd
FROM model_days WHERE tenant_id = $1 AND day >= {{month}};

-- name: dearest
-- The $4 pieces of work that cost most, among the newest $3 calls since the day $1, of the tenant $2 where it is given.
WITH newest AS (
    SELECT tenant_id, session_id, drafted_for, usd, began_at, output_tokens,
           input_tokens + cache_read_input_tokens + cache_creation_input_tokens AS tokens_in
    FROM model_calls
    WHERE began_at >= $1::date AND ended_at IS NOT NULL AND ($2::text IS NULL OR tenant_id = $2)
    ORDER BY began_at DESC LIMIT $3
), dear AS (
    SELECT tenant_id, session_id, drafted_for, count(*) AS calls, sum(usd)::float8 AS usd,
           sum(tokens_in)::bigint AS tokens_in, sum(output_tokens)::bigint AS tokens_out, max(began_at) AS last_call_at
    FROM newest
    GROUP BY tenant_id, session_id, drafted_for
    ORDER BY usd DESC NULLS LAST, last_call_at DESC
    LIMIT $4
)
SELECT dear.*, p.package_id
FROM dear LEFT JOIN packages AS p
  ON (p.tenant_id, p.session_id) = (dear.tenant_id, dear.session_id)
 AND p.request_id || '/' || p.revision = dear.drafted_for
ORDER BY dear.usd DESC NULLS LAST, dear.last_call_at DESC;

-- name: policies
-- Of the tenant $1, or of those after $2 in order, $3 at most, with what was spent in this month.
SELECT p.tenant_id, p.model, p.language, p.monthly_budget_usd, p.note_footer, p.set_at, p.stored_at, p.previous,
       (SELECT coalesce(sum(usd), 0)::float8 FROM model_days AS d
        WHERE d.tenant_id = p.tenant_id AND d.day >= {{month}}) AS spent_usd
FROM tenant_policies AS p
WHERE ($1::text IS NULL OR p.tenant_id = $1) AND p.tenant_id > $2
ORDER BY p.tenant_id LIMIT $3;

-- part: feedback_of
-- Of the tenant $1 and with the outcome $2 where these are given, of the last $3 days, given before $4.
($1::text IS NULL OR f.tenant_id = $1) AND ($2::text IS NULL OR f.outcome = $2)
  AND f.occurred_at > now() - make_interval(secs => $3::float8 * 86400)
  AND ($4::timestamptz IS NULL OR f.occurred_at < $4)

-- part: package_of
-- The package that feedback is about, looked up by its key for each row alone: a join would read all packages. Senders may
-- name anything; only what looks like an id can be one, and only of the sender's own tenant.
LATERAL (SELECT * FROM packages
         WHERE package_id = CASE WHEN f.package_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                 THEN f.package_id::uuid END AND tenant_id = f.tenant_id
         LIMIT 1) AS p ON true

-- name: feedback
-- The newest $5.
SELECT f.occurred_at, f.tenant_id, f.session_id, f.package_id, f.outcome, f.said, p.request_id, p.revision,
       p.prompt_version, p.model
FROM (SELECT * FROM package_feedback AS f WHERE {{feedback_of}} ORDER BY f.occurred_at DESC LIMIT $5) AS f
LEFT JOIN {{package_of}}
ORDER BY f.occurred_at DESC, f.event_id;

-- name: feedback_sums
-- By prompt version, by model and by tenant (`by` says which), the last word on each package among the newest $5: `posted`
-- says nothing of its worth, so any other goes before it. What is about no known package counts as `unknown`.
WITH newest AS (
    SELECT f.tenant_id, f.package_id, f.outcome, f.occurred_at, f.event_id FROM package_feedback AS f
    WHERE {{feedback_of}} ORDER BY f.occurred_at DESC LIMIT $5
), last AS (
    SELECT DISTINCT ON (tenant_id, package_id) tenant_id, package_id, outcome FROM newest
    ORDER BY tenant_id, package_id, outcome = 'posted', occurred_at DESC, event_id
), told AS (
    SELECT f.outcome, coalesce(p.prompt_version, 'unknown') AS prompt,
           CASE WHEN p.package_id IS NULL THEN 'unknown' ELSE coalesce(p.model, 'rules') END AS model,
           coalesce(p.tenant_id, 'unknown') AS tenant
    FROM last AS f LEFT JOIN {{package_of}}
)
SELECT CASE WHEN grouping(prompt) = 0 THEN 'prompt' WHEN grouping(model) = 0 THEN 'model' ELSE 'tenant' END AS by,
       coalesce(prompt, model, tenant) AS value,
       count(*) AS packages, count(*) FILTER (WHERE outcome <> 'failed') AS posted,
       count(*) FILTER (WHERE outcome = 'accepted') AS accepted, count(*) FILTER (WHERE outcome = 'edited') AS edited,
       count(*) FILTER (WHERE outcome = 'rejected') AS rejected, count(*) FILTER (WHERE outcome = 'failed') AS failed
FROM told GROUP BY GROUPING SETS ((prompt), (model), (tenant))
ORDER BY packages DESC, value LIMIT 300;

-- name: unposted
-- Among the newest $4 packages of the last week that are older than $2 minutes, of the tenant $1 where it is given: those
-- with a ticket that are their request's last, of which nobody has said anything; $3 at most, the newest first. None
-- before somebody has ever given feedback: there is no sync that gives any.
SELECT p.created_at, p.tenant_id, p.session_id, p.request_id, p.revision, p.package_id,
       coalesce(p.ticket ->> 'system', '') || ' #' || coalesce(p.ticket ->> 'ticket_id', '') AS ticket
FROM (SELECT * FROM packages
      WHERE created_at < now() - make_interval(secs => $2::float8 * 60) AND created_at > now() - interval '7 days'
      ORDER BY created_at DESC LIMIT $4) AS p
WHERE p.ticket IS NOT NULL AND ($1::text IS NULL OR p.tenant_id = $1)
  AND EXISTS (SELECT FROM package_feedback)
  AND NOT EXISTS (SELECT FROM package_feedback AS f WHERE (f.tenant_id, f.package_id) = (p.tenant_id, p.package_id::text))
  AND p.package_id = (SELECT r.last_package_id FROM requests AS r
                      WHERE (r.tenant_id, r.session_id, r.request_id) = (p.tenant_id, p.session_id, p.request_id)
                        AND r.state = 'done')
ORDER BY p.created_at DESC
LIMIT $3;
