-- Refused records, as the console lists them.

-- part: looked_at
-- $1 to $8: reason, topic, partition, offset, tenant, session, first time, time before which; null chooses all. Of a
-- session all are looked at, else the newest $9.
SELECT * FROM (
    SELECT * FROM dead_letters AS d
    WHERE ($6::text IS NULL OR d.session_id = $6 AND ($5::text IS NULL OR d.tenant_id = $5))
      AND ($7::timestamptz IS NULL OR d.failed_at >= $7) AND ($8::timestamptz IS NULL OR d.failed_at < $8)
    ORDER BY d.failed_at DESC LIMIT $9
) AS d
WHERE ($1::text IS NULL OR d.reason = $1) AND ($2::text IS NULL OR d.topic = $2)
  AND ($3::integer IS NULL OR d.partition = $3) AND ($4::bigint IS NULL OR d."offset" = $4)
  AND ($5::text IS NULL OR d.tenant_id = $5)

-- name: records
-- The newest $10, refused before $11 where it is given.
SELECT topic, partition, "offset", record_ms, tenant_id, session_id, reason, error, excerpt, failed_at, redriven_at,
       redrive_error,
       EXISTS (SELECT FROM sessions AS s
               WHERE (s.tenant_id, s.session_id) = (chosen.tenant_id, chosen.session_id)) AS session_known
FROM ({{looked_at}}) AS chosen
WHERE $11::timestamptz IS NULL OR failed_at < $11
ORDER BY failed_at DESC, topic, partition, "offset" DESC LIMIT $10;

-- name: counts
SELECT reason, topic, count(*) AS records FROM ({{looked_at}}) AS chosen
GROUP BY reason, topic ORDER BY records DESC, topic, reason LIMIT 50;
