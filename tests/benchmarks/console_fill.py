"""Fills the store of `tests.benchmarks.console` by SQL. Of 1,000 requests one is open and ten have failed.

The fallbacks are the oldest, and a tenth of the sessions, the oldest too, was trimmed: the worst case for their lists.
"""

FILL = (
    """
    INSERT INTO sessions (tenant_id, session_id, newest_version, event_count, changed_at, trimmed_at)
    SELECT 't' || n % 50, md5(n::text), 10, 10, now() - n * interval '2 seconds',
           CASE WHEN n > $1::int * 0.9 THEN now() END FROM generate_series(1, $1::int) AS n
    """,
    """
    -- A customer who left: a tenant whose sessions are all among the oldest.
    INSERT INTO sessions (tenant_id, session_id, newest_version, event_count, changed_at)
    SELECT 'left', md5('left' || n), 10, 10, now() - ($1::int + n) * interval '2 seconds'
    FROM generate_series(1, $1::int / 100) AS n
    """,
    """
    INSERT INTO session_events (tenant_id, session_id, version, arrival, event_id, type, occurred_at, data)
    SELECT 't' || n % 50, md5(n::text), v, v, 'e' || n || '-' || v,
           CASE WHEN v = 1 THEN 'session.opened.v1' ELSE 'session.fact_recorded.v1' END,
           now() - n * interval '2 seconds' + v * interval '1 ms',
           CASE WHEN v = 1 THEN '{"title":"Mail","psa_ticket":{"system":"connectwise","ticket_id":"' || n || '"}}'
                ELSE '{"fact_id":"f' || v || '","text":"Ping works.","source_type":"user_report"}' END
    FROM generate_series(1, $1::int) AS n, generate_series(1, 10) AS v
    """,
    """
    INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals, status,
                          cause, bundle_sha256, content_sha256, prompt_version, model, ticket, event, created_at)
    SELECT md5('p' || n)::uuid, 't' || n % 50, md5(n::text), md5('r' || n), 1, 10, 10,
           CASE WHEN n > $1::int * 0.9 THEN 'fallback' ELSE 'ready' END, 'request', md5(n::text), md5(n::text),
           'v1', 'm', jsonb_build_object('system', 'connectwise', 'ticket_id', n::text),
           '{}', now() - n * interval '2 seconds' + interval '1 second'
    FROM generate_series(1, $1::int) AS n WHERE n % 1000 > 10
    """,
    """
    INSERT INTO requests (tenant_id, session_id, request_id, state, requested_state_version, stored_at,
                          half_deadline_at, deadline_at, due_at, revision, last_package_id, failure, ended_at)
    SELECT 't' || n % 50, md5(n::text), md5('r' || n),
           CASE WHEN n % 1000 = 0 THEN 'open' WHEN n % 1000 <= 10 THEN 'failed' ELSE 'done' END,
           CASE WHEN n % 1000 = 0 THEN 99 ELSE 10 END, now() - n * interval '2 seconds',
           now() + n * interval '1 second',
           now() + n * interval '2 seconds', CASE WHEN n % 1000 = 0 THEN now() + n * interval '1 second' END,
           CASE WHEN n % 1000 > 10 THEN 1 ELSE 0 END, CASE WHEN n % 1000 > 10 THEN md5('p' || n)::uuid END,
           CASE WHEN n % 1000 BETWEEN 1 AND 10 THEN 'session_not_found' END, now() - n * interval '2 seconds'
    FROM generate_series(1, $1::int) AS n
    """,
    """
    INSERT INTO dead_letters (topic, partition, "offset", tenant_id, session_id, request_id, reason, error, excerpt,
                              failed_at)
    SELECT 'escalation-requested', n % 6, n, 't' || n % 50, md5(n::text), md5('r' || n),
           CASE WHEN n % 100 = 0 THEN 'too_large' ELSE 'invalid' END,
           'data.deadline_seconds: too small', '{}', now() - n * interval '20 seconds'
    FROM generate_series(1, $1::int / 10) AS n
    """,
    """
    INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, began_at, ended_at, usd)
    SELECT 't' || n % 50, md5(n::text), md5('r' || n) || '/1', 'draft', 'anthropic', 'm',
           now() - n * interval '2 seconds', CASE WHEN n > 3 THEN now() END, 0.01
    FROM generate_series(1, $1::int) AS n
    """,
    """
    INSERT INTO drafts (tenant_id, session_id, bundle_sha256, prompt_version, model, state, drafted_for, answer,
                        drafted_at)
    SELECT 't' || n % 50, md5(n::text), md5(n::text), 'v1', 'm', 'drafted', md5('r' || n) || '/1',
           '{"warnings":[]}', now()
    FROM generate_series(1, $1::int / 10) AS n
    """,
    """
    INSERT INTO model_days
    SELECT CASE WHEN t = 0 THEN '' ELSE 't' || t END, d::date, 'anthropic', m, p, 1, 1, 1, 1, 1, 1
    FROM generate_series(0, least(200, $1::int / 1000)) AS t,
         unnest('{draft,check}'::text[], '{m,n}'::text[]) AS u (p, m),
         generate_series(now() - interval '365 days', now(), interval '1 day') AS d
    """,
    """
    INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language, monthly_budget_usd)
    SELECT 't' || t, 'e', now(), 'on', 'en', 100 FROM generate_series(1, least(200, $1::int / 1000)) AS t
    """,
    """
    INSERT INTO package_feedback (tenant_id, session_id, event_id, package_id, outcome, said, occurred_at)
    SELECT 't' || n % 50, md5(n::text), 'posted', md5('p' || n)::uuid::text,
           CASE WHEN n % 1000 = 0 THEN 'rejected' WHEN n % 7 = 0 THEN 'accepted' ELSE 'posted' END, '{}',
           now() - n * interval '2 seconds' FROM generate_series(1, $1::int) AS n
    """,
    "INSERT INTO intake_positions SELECT 'session-state-changed', n, 1000 FROM generate_series(0, 11) AS n",
)
