-- Refused records, stored inside the inbox's transaction.

-- name: erased_names
-- Those of the session ids $1 that are erased for any tenant.
SELECT DISTINCT session_id FROM sessions WHERE session_id = ANY($1::text[]) AND erased_at IS NOT NULL;

-- name: put_dead_letters
-- Returns the origins of the refusals that are new: a record that is read again is published once. Another record of
-- the same offset, in a topic that was made anew, has another time. A row without one (-1), of an earlier release, is
-- the same record's unless it was stored before that record was written.
INSERT INTO dead_letters (topic, partition, "offset", record_ms, record_key, tenant_id, session_id, reason, error, excerpt,
                          request_id, source)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bytea[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
         AS refused (topic, partition, "offset", record_ms, record_key, tenant_id, session_id, reason, error, excerpt,
                     request_id, source)
WHERE NOT EXISTS (
    SELECT FROM dead_letters AS d
    WHERE (d.topic, d.partition, d."offset", d.record_ms) = (refused.topic, refused.partition, refused."offset", -1)
      AND d.failed_at >= to_timestamp(refused.record_ms / 1000.0))
ORDER BY topic COLLATE "C", partition, "offset", record_ms
ON CONFLICT DO NOTHING
RETURNING topic, partition, "offset", record_ms;

-- name: take_back_settled
-- Of the new dead letters with the places $1 to $4 those that have left the list before: their records were read again.
-- A statement of its own: whoever removed one of them while it was put has committed by now.
DELETE FROM dead_letters AS d
USING unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS new (topic, partition, "offset", record_ms),
      settled_dead_letters AS s
WHERE (d.topic, d.partition, d."offset", d.record_ms) = (new.topic, new.partition, new."offset", new.record_ms)
  AND (s.topic, s.partition, s."offset") = (d.topic, d.partition, d."offset")
  AND (s.record_ms = d.record_ms OR s.record_ms = -1 AND s.failed_at >= to_timestamp(d.record_ms / 1000.0))
RETURNING d.topic, d.partition, d."offset", d.record_ms;
