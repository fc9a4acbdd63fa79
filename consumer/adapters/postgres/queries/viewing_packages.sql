-- Packages as lists show them. Read only; parameters that are null restrict nothing (see viewing_requests.sql).

-- part: columns
p.package_id, p.tenant_id, p.session_id, p.request_id, p.revision, p.state_version, p.status, p.cause, p.replay_id,
       p.model, p.prompt_version, p.content_sha256, p.ticket, p.created_at,
       NOT EXISTS (SELECT FROM outbox AS o
                   WHERE (o.tenant_id, o.session_id) = (p.tenant_id, p.session_id)
                     AND o.headers @> jsonb_build_array(jsonb_build_array('event_id', p.package_id::text))) AS published
FROM packages AS p

-- name: newest
-- $1 tenant, $2 session, $3 request, $4 status, $5 cause, $6 and $7 the time, $8 a ticket's id and $9 the names of its
-- PSA, $10 and $11 the key of the last row of the page before, $12 the number of rows.
SELECT {{columns}}
WHERE ($1::text IS NULL OR p.tenant_id = $1)
  AND ($2::text IS NULL OR p.session_id = $2)
  AND ($3::text IS NULL OR p.request_id = $3)
  AND ($4::text IS NULL OR p.status = $4)
  AND ($5::text IS NULL OR p.cause = $5)
  AND ($6::timestamptz IS NULL OR p.created_at >= $6)
  AND ($7::timestamptz IS NULL OR p.created_at < $7)
  AND ($8::text IS NULL OR p.ticket IS NOT NULL AND p.ticket ->> 'ticket_id' = $8)
  AND ($9::text[] IS NULL OR regexp_replace(lower(p.ticket ->> 'system'), '[\W_]', '', 'g') = ANY($9))
  AND ($10::timestamptz IS NULL OR (p.created_at, p.package_id) < ($10, $11::uuid))
ORDER BY p.created_at DESC, p.package_id DESC LIMIT $12;

-- name: any_package
SELECT EXISTS (SELECT FROM packages);

-- name: ids_between
-- Packages whose ids begin alike.
SELECT package_id FROM packages WHERE package_id BETWEEN $1 AND $2 ORDER BY package_id LIMIT $3;

-- name: event
SELECT event FROM packages WHERE package_id = $1;

-- name: revisions_of_note
-- All packages of the note that the package $1 belongs to, each with its warnings.
SELECT p.event::jsonb -> 'warnings' AS warnings, {{columns}}
JOIN packages AS one ON (one.tenant_id, one.session_id, one.request_id) = (p.tenant_id, p.session_id, p.request_id)
WHERE one.package_id = $1
ORDER BY p.revision;

-- name: revisions
-- Of a request, each with its warnings.
SELECT p.event::jsonb -> 'warnings' AS warnings, {{columns}}
WHERE (p.tenant_id, p.session_id, p.request_id) = ($1, $2, $3)
ORDER BY p.revision;
