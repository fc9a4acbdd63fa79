-- What needs attention now. Read only. Counts stop at a bound, $1: more is bad enough.

-- name: bound
-- Bounds each statement of this transaction to $1, and plans each for its own parameters.
SELECT set_config('statement_timeout', $1, true), set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('jit', 'off', true);

-- name: waiting
SELECT now() AS read_at,
       (SELECT count(*) FROM (SELECT FROM requests WHERE state = 'open' LIMIT $1) AS capped)           AS open_requests,
       (SELECT count(*) FROM (SELECT FROM requests WHERE due_at IS NOT NULL AND due_at <= now() LIMIT $1) AS capped)
                                                                                                       AS due,
       (SELECT count(*) FROM (SELECT FROM requests WHERE leased_until IS NOT NULL AND leased_until > now() LIMIT $1)
                              AS capped)                                                               AS leased,
       (SELECT count(*) FROM (SELECT FROM requests WHERE backlog IS NOT NULL LIMIT $1) AS capped)      AS with_still_clock,
       (SELECT extract(epoch FROM now() - stored_at)::float8 FROM requests WHERE state = 'open'
        ORDER BY stored_at LIMIT 1)                                                                    AS oldest_seconds,
       (SELECT count(*) FROM (SELECT FROM requests WHERE upgrade_wanted LIMIT $1) AS capped)           AS upgrades,
       (SELECT extract(epoch FROM now() - min(ended_at))::float8
        FROM (SELECT ended_at FROM requests WHERE upgrade_wanted ORDER BY ended_at LIMIT 1) AS first)  AS upgrade_seconds,
       (SELECT count(*) FROM (SELECT FROM packages WHERE created_at > now() - interval '1 hour' LIMIT $1) AS capped)
                                                                                                       AS packages,
       (SELECT count(*) FROM (SELECT FROM packages WHERE status = 'fallback' AND created_at > now() - interval '1 hour'
                              LIMIT $1) AS capped)                                                     AS fallbacks;

-- name: dead_letters
-- Of the last $2 hours, by reason.
SELECT reason, count(*) AS count, max(failed_at) AS newest_at
FROM (SELECT reason, failed_at FROM dead_letters WHERE failed_at > now() - make_interval(hours => $2)
      ORDER BY failed_at DESC LIMIT $1) AS capped
GROUP BY reason ORDER BY count(*) DESC, reason;

-- name: spend
-- Of all tenants together. Days and months are in UTC.
SELECT coalesce(sum(usd) FILTER (WHERE day = (now() AT TIME ZONE 'UTC')::date), 0)::float8 AS today_usd,
       coalesce(sum(usd), 0)::float8 AS month_usd,
       (SELECT coalesce(sum(held_usd), 0)::float8 FROM model_calls WHERE ended_at IS NULL) AS held_usd
FROM model_days WHERE tenant_id = '' AND day >= date_trunc('month', now() AT TIME ZONE 'UTC');

-- name: outbox
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS capped) AS waiting,
       (SELECT extract(epoch FROM now() - created_at)::float8 FROM outbox ORDER BY id LIMIT 1) AS oldest_seconds,
       parked.count AS parked, parked.refusal,
       (SELECT leader FROM relay WHERE led_until > now() ORDER BY led_until DESC LIMIT 1) AS leader
FROM (SELECT count(*) AS count, min(topic || ': ' || refusal) AS refusal
      FROM (SELECT topic, refusal FROM outbox WHERE refused_at IS NOT NULL LIMIT $1) AS capped) AS parked;

-- name: outage
SELECT reason, since, next_probe_at FROM model_outage;

-- name: reading
-- How far each partition is read, and how far the requests whose clocks stand still need it to be.
SELECT p.topic, p.partition, p.next_offset, extract(epoch FROM now() - p.moved_at)::float8 AS still_seconds, awaited.upto
FROM intake_positions AS p
LEFT JOIN (SELECT due.place, max(due.upto::bigint) AS upto
           FROM (SELECT backlog FROM requests WHERE backlog IS NOT NULL LIMIT $1) AS waiting,
                jsonb_each_text(waiting.backlog) AS due (place, upto)
           GROUP BY due.place) AS awaited ON awaited.place = p.topic || '/' || p.partition
ORDER BY p.topic, p.partition;
