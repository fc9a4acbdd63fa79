-- What tenants want, and what became of packages.

-- name: put_policies
-- The newer policy of a tenant stays, by the time at which it was set ($3); of two at one time that with the greater id.
-- What held here until now is kept beside it.
INSERT INTO tenant_policies AS p (tenant_id, event_id, set_at, model, language, monthly_budget_usd, note_footer)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::float8[], $7::text[])
              AS new (tenant_id, event_id, set_at, model, language, monthly_budget_usd, note_footer)
ORDER BY tenant_id COLLATE "C"
ON CONFLICT (tenant_id) DO UPDATE
SET event_id = excluded.event_id, set_at = excluded.set_at, stored_at = now(), model = excluded.model,
    language = excluded.language, monthly_budget_usd = excluded.monthly_budget_usd, note_footer = excluded.note_footer,
    previous = jsonb_build_object('model', p.model, 'language', p.language, 'monthly_budget_usd', p.monthly_budget_usd,
                                  'note_footer', p.note_footer, 'set_at', p.set_at, 'stored_at', p.stored_at)::text
WHERE (p.set_at, p.event_id) < (excluded.set_at, excluded.event_id)
RETURNING tenant_id;

-- name: put_feedback
INSERT INTO package_feedback (tenant_id, session_id, event_id, package_id, outcome, said, occurred_at, origin_topic,
                              origin_partition, origin_offset)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::text[], $9::integer[], $10::bigint[])
ON CONFLICT DO NOTHING
RETURNING true;

-- part: last_feedback
-- The last word on each package: `posted` says nothing of its worth, so any other outcome goes before it. Feedback counts
-- for packages of its own tenant alone, whatever id it names: of others it is on an unknown package.
SELECT DISTINCT ON (tenant_id, package_id) tenant_id, package_id, outcome FROM package_feedback
ORDER BY tenant_id, package_id, outcome = 'posted', occurred_at DESC, event_id

-- name: feedback
-- The newest $3, of the tenant $1 and with the outcome $2 where these are given.
SELECT f.occurred_at, f.tenant_id, f.session_id, f.package_id, f.outcome, f.said, p.request_id, p.revision,
       p.prompt_version, p.model
FROM package_feedback AS f
LEFT JOIN packages AS p ON p.package_id::text = f.package_id AND p.tenant_id = f.tenant_id
WHERE ($1::text IS NULL OR f.tenant_id = $1) AND ($2::text IS NULL OR f.outcome = $2)
ORDER BY f.occurred_at DESC, f.event_id
LIMIT $3;

-- name: summary
-- Packages of the last $3 days by a column of theirs ($2), and what became of them; a package that was edited after it
-- was accepted counts as edited. `unknown` is feedback on packages that are not kept.
WITH last AS ({{last_feedback}}), told AS (
    SELECT p.package_id, last.outcome,
           EXISTS (SELECT FROM package_feedback AS f
                   WHERE (f.tenant_id, f.package_id) = (p.tenant_id, p.package_id::text) AND f.outcome <> 'failed') AS posted,
           CASE $2::text
               WHEN 'prompt' THEN p.prompt_version
               WHEN 'model' THEN coalesce(p.model, 'rules')
               WHEN 'provider' THEN coalesce(p.event::jsonb #>> '{provenance,provider}', 'rules')
               WHEN 'language' THEN coalesce(p.event::jsonb ->> 'language', 'en')
               WHEN 'tenant' THEN p.tenant_id
               ELSE 'all' END AS value
    FROM packages AS p LEFT JOIN last ON (last.tenant_id, last.package_id) = (p.tenant_id, p.package_id::text)
    WHERE p.created_at > now() - make_interval(secs => $3::float8 * 86400) AND ($1::text IS NULL OR p.tenant_id = $1)
)
SELECT value, count(*) AS packages, count(*) FILTER (WHERE posted) AS posted,
       count(*) FILTER (WHERE outcome = 'accepted') AS accepted, count(*) FILTER (WHERE outcome = 'edited') AS edited,
       count(*) FILTER (WHERE outcome = 'rejected') AS rejected, count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome IS NULL) AS silent
FROM told GROUP BY value
UNION ALL
SELECT 'unknown', count(*), 0, 0, 0, 0, 0, 0
FROM package_feedback AS f
WHERE ($1::text IS NULL OR f.tenant_id = $1) AND f.stored_at > now() - make_interval(secs => $3::float8 * 86400)
  AND NOT EXISTS (SELECT FROM packages AS p WHERE (p.tenant_id, p.package_id::text) = (f.tenant_id, f.package_id))
HAVING count(*) > 0
ORDER BY packages DESC, value;

-- part: unposted
-- Of the packages `p`: the newest of its request, with a ticket, made more than $1 minutes ago (and within a week), of
-- which nobody has said that it was posted or could not be.
p.ticket IS NOT NULL AND p.created_at < now() - make_interval(secs => $1::float8 * 60)
      AND p.created_at > now() - interval '7 days'
      AND p.package_id = (SELECT r.last_package_id FROM requests AS r
                          WHERE (r.tenant_id, r.session_id, r.request_id) = (p.tenant_id, p.session_id, p.request_id)
                            AND r.state = 'done')
      AND NOT EXISTS (SELECT FROM package_feedback AS f WHERE (f.tenant_id, f.package_id) = (p.tenant_id, p.package_id::text))

-- name: unposted
SELECT p.created_at, p.tenant_id, p.session_id, p.request_id, p.revision, p.package_id, p.ticket
FROM packages AS p
WHERE {{unposted}} AND ($2::text IS NULL OR p.tenant_id = $2)
ORDER BY p.created_at
LIMIT $3;

-- name: count_unposted
-- Nothing is counted before somebody has ever given feedback: there is no sync that gives any.
SELECT CASE WHEN EXISTS (SELECT FROM package_feedback) THEN
           (SELECT count(*) FROM packages AS p WHERE {{unposted}}) END AS unposted;
