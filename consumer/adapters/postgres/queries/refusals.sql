-- Refused records, stored inside the inbox's transaction.

-- name: erased_names
-- Those of the session ids $1 that are erased for any tenant.
SELECT DISTINCT session_id FROM sessions WHERE session_id = ANY($1::text[]) AND erased_at IS NOT NULL;

-- name: put_dead_letters
-- Returns the origins of the refusals that are new: a record that is read again is published once.
INSERT INTO dead_letters (topic, partition, "offset", record_key, tenant_id, session_id, reason, error, excerpt)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[])
         AS refused (topic, partition, "offset", record_key, tenant_id, session_id, reason, error, excerpt)
ORDER BY topic COLLATE "C", partition, "offset"
ON CONFLICT DO NOTHING
RETURNING topic, partition, "offset";
