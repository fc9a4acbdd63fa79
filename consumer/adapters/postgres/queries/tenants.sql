-- What tenants want, and what became of packages.

-- name: put_policies
-- The newer policy of a tenant stays, by the time at which it was set ($3); of two at one time that with the greater id.
INSERT INTO tenant_policies AS p (tenant_id, event_id, set_at, model, language, monthly_budget_usd, note_footer)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::float8[], $7::text[])
              AS new (tenant_id, event_id, set_at, model, language, monthly_budget_usd, note_footer)
ORDER BY tenant_id COLLATE "C"
ON CONFLICT (tenant_id) DO UPDATE
SET event_id = excluded.event_id, set_at = excluded.set_at, stored_at = now(), model = excluded.model,
    language = excluded.language, monthly_budget_usd = excluded.monthly_budget_usd, note_footer = excluded.note_footer
WHERE (p.set_at, p.event_id) < (excluded.set_at, excluded.event_id)
RETURNING tenant_id;

-- name: policies
-- Of all tenants, or of $1.
SELECT tenant_id, event_id, set_at, stored_at, model, language, monthly_budget_usd, note_footer
FROM tenant_policies
WHERE $1::text IS NULL OR tenant_id = $1
ORDER BY tenant_id;

-- name: put_feedback
INSERT INTO package_feedback (tenant_id, session_id, event_id, package_id, outcome, said, occurred_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING true;
