-- Refused records. Read only; parameters that are null restrict nothing (see viewing_requests.sql).

-- part: columns
d.topic, d.partition, d."offset", d.record_ms, d.tenant_id, d.session_id, d.request_id, d.reason, d.error, d.excerpt,
       d.failed_at
FROM dead_letters AS d

-- name: newest
-- $1 reason, $2 topic, $3 tenant, $4 session, $5 request, $6 and $7 the time, $8 to $12 the key of the last row of the
-- page before, $13 the number of rows.
SELECT {{columns}}
WHERE ($1::text IS NULL OR d.reason = $1)
  AND ($2::text IS NULL OR d.topic = $2)
  AND ($3::text IS NULL OR d.tenant_id = $3)
  AND ($4::text IS NULL OR d.session_id = $4)
  AND ($5::text IS NULL OR d.request_id = $5)
  AND ($6::timestamptz IS NULL OR d.failed_at >= $6)
  AND ($7::timestamptz IS NULL OR d.failed_at < $7)
  AND ($8::timestamptz IS NULL
       OR (d.failed_at, d.topic, d.partition, d."offset", d.record_ms)
        < ($8, $9::text, $10::integer, $11::bigint, $12::bigint))
ORDER BY d.failed_at DESC, d.topic DESC, d.partition DESC, d."offset" DESC, d.record_ms DESC LIMIT $13;

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
