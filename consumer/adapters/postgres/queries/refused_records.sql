-- Refused records, as the console lists them.

-- part: looked_at
-- $1 to $10: as `is_chosen` in redrive.sql. Of a session or a ticket all are looked at, else the newest $11.
SELECT * FROM (
    SELECT * FROM dead_letters AS d
    WHERE ($6::text IS NULL OR d.session_id = $6)
      AND ($10::text[] IS NULL
           OR d.session_id = ANY($10)
              AND (d.tenant_id IS NULL OR (d.tenant_id, d.session_id) IN (SELECT * FROM unnest($9::text[], $10::text[]))))
      AND ($7::timestamptz IS NULL OR d.failed_at >= $7) AND ($8::timestamptz IS NULL OR d.failed_at < $8)
    ORDER BY d.failed_at DESC LIMIT $11
) AS d
WHERE ($1::text IS NULL OR d.reason = $1) AND ($2::text IS NULL OR d.topic = $2)
  AND ($3::integer IS NULL OR d.partition = $3) AND ($4::bigint IS NULL OR d."offset" = $4)
  AND ($5::text IS NULL OR d.tenant_id = $5
       OR d.tenant_id IS NULL AND ($6::text IS NOT NULL OR $10::text[] IS NOT NULL))

-- name: records
-- The newest $12, refused before $13 where it is given.
SELECT topic, partition, "offset", record_ms, tenant_id, session_id, source, reason, error, excerpt, failed_at, redriven_at,
       redrive_error,
       (SELECT CASE WHEN count(*) = 1 THEN min(s.tenant_id) END FROM sessions AS s
        WHERE s.session_id = chosen.session_id
          AND (chosen.tenant_id IS NULL OR s.tenant_id = chosen.tenant_id)) AS known_tenant
FROM ({{looked_at}}) AS chosen
WHERE $13::timestamptz IS NULL OR failed_at < $13
ORDER BY failed_at DESC, topic, partition, "offset" DESC LIMIT $12;

-- name: counts
-- By reason and topic, and what each of these has in common by source.
SELECT reason, topic, count(*) AS records, min(failed_at) AS oldest_at, max(failed_at) AS newest_at,
       array_agg(DISTINCT source) FILTER (WHERE source IS NOT NULL) AS sources,
       count(DISTINCT tenant_id) AS tenants
FROM ({{looked_at}}) AS chosen
GROUP BY reason, topic ORDER BY records DESC, topic, reason LIMIT 50;
