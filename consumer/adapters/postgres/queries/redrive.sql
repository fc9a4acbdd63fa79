-- Dead letters again: which there are, the jobs on them, and what became of each.

-- part: is_chosen
-- $1 to $10: reason, topic, partition, offset, tenant, session, first time, time before which, the tenants and the ids of
-- sessions; null chooses all. A record whose tenant is unknown counts, with its key, to every session of that id.
($1::text IS NULL OR d.reason = $1) AND ($2::text IS NULL OR d.topic = $2)
  AND ($3::integer IS NULL OR d.partition = $3) AND ($4::bigint IS NULL OR d."offset" = $4)
  AND ($5::text IS NULL OR d.tenant_id = $5
       OR d.tenant_id IS NULL AND ($6::text IS NOT NULL OR $10::text[] IS NOT NULL))
  AND ($6::text IS NULL OR d.session_id = $6)
  AND ($10::text[] IS NULL
       OR d.session_id = ANY($10)
          AND (d.tenant_id IS NULL OR (d.tenant_id, d.session_id) IN (SELECT * FROM unnest($9::text[], $10::text[]))))
  AND ($7::timestamptz IS NULL OR d.failed_at >= $7) AND ($8::timestamptz IS NULL OR d.failed_at < $8)

-- name: groups
SELECT d.reason, d.topic, count(*) AS letters, min(d.failed_at) AS oldest_at, max(d.failed_at) AS newest_at
FROM dead_letters AS d WHERE {{is_chosen}}
GROUP BY d.reason, d.topic ORDER BY letters DESC, d.topic, d.reason;

-- name: topic_before
-- The next topic in the order of jobs: session events come before what rests on them.
SELECT max(topic) FROM dead_letters WHERE topic < $1;

-- name: piece
-- The next $16 of the topic $11 after the place $12 to $14, of those that were refused until $15.
SELECT d.topic, d.partition, d."offset", d.record_ms, d.tenant_id, d.session_id, d.reason, d.error, d.failed_at,
       d.redriven_at, d.redrive_error
FROM dead_letters AS d
WHERE d.topic = $11 AND (d.partition, d."offset", d.record_ms) > ($12, $13, $14) AND d.failed_at <= $15
  AND {{is_chosen}}
ORDER BY d.partition, d."offset", d.record_ms LIMIT $16;

-- name: put_job
-- $11 is the id, $12 the action, $13 the choice as JSON, $14 who asked. No row where an unended job is the same.
INSERT INTO dead_letter_jobs (job_id, action, chosen, asked_by, matched)
SELECT $11::text, $12::text, $13::text, $14::text, count(*) FROM dead_letters AS d WHERE {{is_chosen}}
ON CONFLICT (action, chosen) WHERE state IN ('submitted', 'running') DO NOTHING
RETURNING *;

-- name: unended_job
SELECT * FROM dead_letter_jobs WHERE action = $1 AND chosen = $2 AND state IN ('submitted', 'running');

-- name: job
-- Without a lease nobody works on it.
SELECT j.*, CASE WHEN j.leased_until > now() THEN j.runner END AS runner_now FROM dead_letter_jobs AS j WHERE job_id = $1;

-- name: jobs
SELECT j.*, CASE WHEN j.leased_until > now() THEN j.runner END AS runner_now FROM dead_letter_jobs AS j
ORDER BY submitted_at DESC, job_id LIMIT $1;

-- name: stop_job
UPDATE dead_letter_jobs SET state = 'stopped', stopped_by = $2, ended_at = now()
WHERE job_id = $1 AND state IN ('submitted', 'running');

-- name: claim
-- The oldest job without a lease, or the job $2. $1 is who takes it, $3 the seconds of the lease.
WITH next AS (
    SELECT job_id FROM dead_letter_jobs
    WHERE state IN ('submitted', 'running') AND ($2::text IS NULL OR job_id = $2)
      AND (leased_until IS NULL OR leased_until <= now())
    ORDER BY submitted_at, job_id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE dead_letter_jobs AS j
SET state = 'running', began_at = coalesce(j.began_at, now()), runner = $1, lease_token = j.lease_token + 1,
    leased_until = now() + make_interval(secs => $3)
FROM next WHERE j.job_id = next.job_id
RETURNING j.*;

-- name: renew
-- No row when the job $1 was stopped or has another token than $2. $3 are the seconds of the lease.
UPDATE dead_letter_jobs SET leased_until = now() + make_interval(secs => $3)
WHERE job_id = $1 AND lease_token = $2 AND state = 'running'
RETURNING at_topic, at_partition, at_offset, at_ms;

-- name: settle
-- The dead letters with the places $1 to $4 leave the list: $5 is what became of them, $6 the job.
WITH settled AS (
    DELETE FROM dead_letters AS d
    USING unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS place (topic, partition, "offset", record_ms)
    WHERE (d.topic, d.partition, d."offset", d.record_ms)
        = (place.topic, place.partition, place."offset", place.record_ms)
    RETURNING d.*
)
INSERT INTO settled_dead_letters
    (topic, partition, "offset", record_ms, tenant_id, session_id, reason, failed_at, became, job_id)
SELECT topic, partition, "offset", record_ms, tenant_id, session_id, reason, failed_at, $5, $6 FROM settled
ON CONFLICT (topic, partition, "offset", record_ms)
    DO UPDATE SET became = excluded.became, job_id = excluded.job_id, settled_at = now();

-- name: note_stays
-- The dead letters with the places $1 to $4 stay; $5 says why.
UPDATE dead_letters AS d SET redriven_at = now(), redrive_error = stays.error
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[])
     AS stays (topic, partition, "offset", record_ms, error)
WHERE (d.topic, d.partition, d."offset", d.record_ms) = (stays.topic, stays.partition, stays."offset", stays.record_ms);

-- name: advance
-- Moves the job $1 with the token $2 to the place $3 to $6 and adds the counts $7 to $11. A stopped job, too: what was
-- under way when it was stopped has been stored.
UPDATE dead_letter_jobs
SET at_topic = $3, at_partition = $4, at_offset = $5, at_ms = $6, taken = taken + $7, dropped = dropped + $8,
    refused = refused + $9, gone = gone + $10, purged = purged + $11, waits = NULL
WHERE job_id = $1 AND lease_token = $2
RETURNING true;

-- name: finish
UPDATE dead_letter_jobs SET state = 'done', ended_at = now(), leased_until = NULL, waits = NULL
WHERE job_id = $1 AND lease_token = $2 AND state = 'running'
RETURNING *;

-- name: hand_back
-- The next one may have the job in $3 seconds; $4 says what it waits for, or null.
UPDATE dead_letter_jobs SET leased_until = now() + make_interval(secs => $3), runner = NULL, waits = coalesce($4, waits)
WHERE job_id = $1 AND lease_token = $2 AND state = 'running';
