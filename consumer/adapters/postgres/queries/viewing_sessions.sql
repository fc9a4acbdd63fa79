-- Sessions as lists show them, and by ticket. Read only; parameters that are null restrict nothing (see
-- viewing_requests.sql).

-- name: with_ticket
-- The sessions that name the ticket $1 (its id; $2 are the names of its PSA, or null), or that ever did.
SELECT named.tenant_id, named.session_id
FROM (SELECT e.tenant_id, e.session_id, e.data::jsonb #>> '{psa_ticket,system}' AS system FROM session_events AS e
      WHERE e.type IN ('session.opened.v1', 'session.described.v1', 'session.snapshot.v1')
        AND e.data::jsonb #>> '{psa_ticket,ticket_id}' = $1
      UNION ALL
      SELECT p.tenant_id, p.session_id, p.ticket ->> 'system' FROM packages AS p
      WHERE p.ticket IS NOT NULL AND p.ticket ->> 'ticket_id' = $1
      UNION ALL
      SELECT s.tenant_id, s.session_id, s.last_ticket ->> 'system' FROM sessions AS s
      WHERE s.last_ticket IS NOT NULL AND s.last_ticket ->> 'ticket_id' = $1) AS named
WHERE $2::text[] IS NULL OR regexp_replace(lower(named.system), '[\W_]', '', 'g') = ANY($2)
GROUP BY named.tenant_id, named.session_id
LIMIT $3;

-- part: columns
s.tenant_id, s.session_id, s.newest_version, s.event_count, s.changed_at, s.erased_at, s.trimmed_at,
       (SELECT count(*) FROM requests AS r
        WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)) AS requests

-- name: newest
-- $1 tenant, $2 condition, $3 the beginning of an id and $4 what comes after all that begin so, $5 and $6 the time,
-- $7 the tenants and $8 the sessions that have or had a ticket, $9 to $11 the key of the last row of the page before,
-- $12 the number of rows. Requests are counted for the rows of the page alone. `changed_around` is changed_at to five
-- minutes: what has an index is read in the order of these, and sorted within them.
SELECT {{columns}}
FROM (SELECT * FROM sessions AS s
      WHERE ($1::text IS NULL OR s.tenant_id = $1)
        AND ($2::text IS DISTINCT FROM 'erased' OR s.erased_at IS NOT NULL)
        AND ($2::text IS DISTINCT FROM 'trimmed' OR s.trimmed_at IS NOT NULL AND s.erased_at IS NULL)
        AND ($2::text IS DISTINCT FROM 'kept' OR s.trimmed_at IS NULL AND s.erased_at IS NULL)
        AND ($3::text IS NULL OR s.session_id >= $3 AND s.session_id < $4::text)
        AND ($5::timestamptz IS NULL
             OR s.changed_at >= $5 AND s.changed_around >= date_bin('5 minutes', $5, '2001-01-01 00:00:00+00'))
        AND ($6::timestamptz IS NULL OR s.changed_at < $6 AND s.changed_around <= $6)
        AND ($8::text[] IS NULL
             OR s.session_id = ANY($8)
                AND (s.tenant_id, s.session_id) IN (SELECT * FROM unnest($7::text[], $8::text[])))
        AND ($9::timestamptz IS NULL
             OR s.changed_around <= $9 AND (s.changed_at, s.tenant_id, s.session_id) < ($9, $10::text, $11::text))
      ORDER BY s.changed_around DESC, s.changed_at DESC, s.tenant_id DESC, s.session_id DESC LIMIT $12) AS s
ORDER BY s.changed_at DESC, s.tenant_id DESC, s.session_id DESC;

-- name: any_session
SELECT EXISTS (SELECT FROM sessions);

-- name: beginning_with
-- Sessions whose id begins with $1 ($2 comes after all that do), of the tenant $3 where given.
SELECT tenant_id, session_id FROM sessions
WHERE session_id >= $1 AND session_id < $2 AND ($3::text IS NULL OR tenant_id = $3)
ORDER BY session_id, tenant_id LIMIT $4;

-- name: one_session
SELECT {{columns}} FROM sessions AS s WHERE (s.tenant_id, s.session_id) = ($1, $2);

-- name: events
SELECT version, arrival, event_id, type, occurred_at, utc_offset, actor, data FROM session_events
WHERE (tenant_id, session_id) = ($1, $2) ORDER BY version;

-- name: last_tickets
-- The ticket that each of these sessions names last, in version order; else the one that an erasure or retention kept.
SELECT DISTINCT ON (named.tenant_id, named.session_id) named.tenant_id, named.session_id, named.ticket
FROM unnest($1::text[], $2::text[]) AS wanted (tenant_id, session_id)
JOIN LATERAL (
    SELECT e.tenant_id, e.session_id, e.version, nullif(e.data::jsonb -> 'psa_ticket', 'null') AS ticket
    FROM session_events AS e
    WHERE (e.tenant_id, e.session_id) = (wanted.tenant_id, wanted.session_id)
      AND (e.type IN ('session.opened.v1', 'session.snapshot.v1')
           OR e.type = 'session.described.v1' AND e.data::jsonb ? 'psa_ticket')
    UNION ALL
    SELECT s.tenant_id, s.session_id, -1, s.last_ticket FROM sessions AS s
    WHERE (s.tenant_id, s.session_id) = (wanted.tenant_id, wanted.session_id) AND s.last_ticket IS NOT NULL
) AS named ON true
ORDER BY named.tenant_id, named.session_id, named.version DESC;
