-- Refused records. Read only; parameters that are null restrict nothing (see viewing_requests.sql).

-- part: columns
d.topic, d.partition, d."offset", d.record_ms, d.tenant_id, d.session_id, d.request_id, d.source, d.reason, d.error, d.excerpt,
       d.failed_at
FROM dead_letters AS d

-- part: wanted
-- $1 reason, $2 topic, $3 tenant, $4 session, $5 request, $6 and $7 the time, $8 the tenants and $9 the sessions
-- that have or had a ticket. A record whose tenant is unknown counts, with its key, to every tenant's session of that id.
($1::text IS NULL OR d.reason = $1)
  AND ($2::text IS NULL OR d.topic = $2)
  AND ($3::text IS NULL OR d.tenant_id = $3 OR d.tenant_id IS NULL AND ($4::text IS NOT NULL OR $9::text[] IS NOT NULL))
  AND ($4::text IS NULL OR d.session_id = $4)
  AND ($5::text IS NULL OR d.request_id = $5)
  AND ($6::timestamptz IS NULL OR d.failed_at >= $6)
  AND ($7::timestamptz IS NULL OR d.failed_at < $7)
  AND ($9::text[] IS NULL
       OR d.session_id = ANY($9)
          AND (d.tenant_id IS NULL OR (d.tenant_id, d.session_id) IN (SELECT * FROM unnest($8::text[], $9::text[]))))

-- name: newest
-- $10 to $14 are the key of the last row of the page before, $15 is the number of rows.
SELECT {{columns}}
WHERE {{wanted}}
  AND ($10::timestamptz IS NULL
       OR (d.failed_at, d.topic, d.partition, d."offset", d.record_ms)
        < ($10, $11::text, $12::integer, $13::bigint, $14::bigint))
ORDER BY d.failed_at DESC, d.topic DESC, d.partition DESC, d."offset" DESC, d.record_ms DESC LIMIT $15;

-- name: counts
-- By the trait $10, of the newest $11.
SELECT value, count(*) AS count, min(failed_at) AS oldest_at, max(failed_at) AS newest_at,
       (array_agg(topic || ' ' || partition || ' ' || "offset" ORDER BY failed_at DESC))[1] AS example,
       (array_agg(error ORDER BY failed_at DESC))[1] AS example_error
FROM (SELECT CASE $10::text WHEN 'reason' THEN d.reason WHEN 'topic' THEN d.topic WHEN 'tenant' THEN d.tenant_id
                            WHEN 'source' THEN d.source END AS value,
             d.topic, d.partition, d."offset", d.error, d.failed_at
      FROM dead_letters AS d
      WHERE {{wanted}}
      ORDER BY d.failed_at DESC LIMIT $11) AS newest
GROUP BY value ORDER BY count(*) DESC, value NULLS LAST;

-- name: any_dead_letter
SELECT EXISTS (SELECT FROM dead_letters);

-- name: at_place
-- The newest first: a topic that was made anew counts its offsets from 0 again.
SELECT {{columns}}
WHERE (d.topic, d.partition, d."offset") = ($1, $2, $3) ORDER BY d.record_ms DESC LIMIT 1;

-- name: of_request
-- Refused records that name a request; $2 and $3 are its tenant and session where they are known.
SELECT {{columns}}
WHERE d.request_id = $1 AND ($2::text IS NULL OR d.tenant_id = $2) AND ($3::text IS NULL OR d.session_id = $3)
ORDER BY d.failed_at DESC LIMIT $4;
