-- The outbox, and the lease of the relay that empties it. $1 is the relay's name where it is compared with `name`.
-- All times are by the database's clock.

-- name: lead
-- Takes the lease for $3 seconds as the leader $2, when nobody holds it, or somebody who died under this name: nobody
-- else may have the name of an instance. The new token fences the leader before.
INSERT INTO relay AS r (name, token, leader, led_until)
VALUES ($1, 1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE
    SET token = r.token + 1, leader = excluded.leader, led_until = excluded.led_until
    WHERE r.led_until IS NULL OR r.led_until < now()
       OR r.leader = excluded.leader AND excluded.leader LIKE 'instance %'
RETURNING token, position, numbered;

-- name: resign
UPDATE relay SET led_until = NULL WHERE name = $1 AND token = $2;

-- part: of_one_note
-- The rows `a` and `b` tell of one package, its revisions or its withdrawal, on one topic.
(a.tenant_id, a.session_id, a.topic) = (b.tenant_id, b.session_id, b.topic)
    AND jsonb_path_query_first(a.headers, 'strict $[*] ? (@[0] == "note_key")')
      = jsonb_path_query_first(b.headers, 'strict $[*] ? (@[0] == "note_key")')

-- part: is_behind
-- An earlier row of the same note as `a` was refused and waits: nothing may overtake it. Hazard: without OFFSET the
-- planner may read all that waits, and not the few rows of the session.
EXISTS (SELECT FROM outbox AS b WHERE {{of_one_note}} AND b.id < a.id AND b.retry_at IS NOT NULL OFFSET 0)

-- name: take
-- Numbers up to $5 rows without a number, dead letters last, else in the order of ids, renews the lease for $3 seconds,
-- and returns the first $5 numbered rows. $4 is the lowest number to give; rows below it are published, and deleted. No
-- row when the token $2 no longer leads, one of nulls when there is nothing to publish.
-- Ids are drawn before the commit, so a lower id can appear later; it gets a higher number. The rows of one request are
-- written under its row's lock, so among them the order of ids is the order of commits.
WITH fence AS MATERIALIZED (
    SELECT greatest(numbered, $4::bigint) AS base FROM relay WHERE name = $1 AND token = $2 FOR UPDATE
), gone AS (
    DELETE FROM outbox WHERE position < $4 AND EXISTS (SELECT FROM fence)
), untaken AS MATERIALIZED (
    SELECT id, row_number() OVER (ORDER BY dead, id) - 1 AS place
    FROM (SELECT id, topic LIKE '%.dlq' AS dead FROM outbox AS a
          WHERE position IS NULL AND retry_at IS NULL AND EXISTS (SELECT FROM fence)
            AND (refused_at IS NOT NULL OR topic NOT IN (SELECT topic FROM refusing_topics))
            AND NOT {{is_behind}}
          ORDER BY topic LIKE '%.dlq', id LIMIT $5) AS first
), taken AS (
    UPDATE outbox SET position = fence.base + untaken.place
    FROM untaken, fence
    WHERE outbox.id = untaken.id AND outbox.position IS NULL
    RETURNING outbox.id, outbox.position, topic, key, headers, value, created_at
), renewed AS (
    UPDATE relay
    SET numbered = greatest(fence.base, (SELECT max(position) + 1 FROM taken)),
        position = greatest(position, $4), led_until = now() + make_interval(secs => $3)
    FROM fence
    WHERE name = $1 AND token = $2
    RETURNING true
)
SELECT next.id, next.position, topic, key, headers, value,
       extract(epoch FROM clock_timestamp() - created_at)::float8 AS waited_seconds
FROM renewed LEFT JOIN (
    (SELECT id, position, topic, key, headers, value, created_at FROM outbox
     WHERE position >= $4 ORDER BY position LIMIT $5)
    UNION ALL
    SELECT id, position, topic, key, headers, value, created_at FROM taken
) AS next ON true
ORDER BY next.position LIMIT $5;

-- name: published
-- Deletes the rows below the number $2, which are published. That is a fact, whoever reports it, so no token is needed.
-- The marks never fall.
WITH gone AS (DELETE FROM outbox WHERE position < $2)
UPDATE relay SET position = greatest(position, $2), numbered = greatest(numbered, $2) WHERE name = $1;

-- name: identities
-- The rows that may be published already: those from the number $1 on, with null every row, numbered or not.
SELECT id, topic, key, headers, sha256(value) AS digest, created_at FROM outbox
WHERE $1::bigint IS NULL OR position >= $1;

-- name: forget
-- Deletes rows that were found on their topics.
DELETE FROM outbox WHERE id = ANY($1::bigint[]);

-- name: unnumber
-- Takes back all numbers, if the token $2 still leads. The numbers of a database that lost commits mean nothing; new
-- numbers are given above the broker's position.
UPDATE outbox SET position = NULL
WHERE position IS NOT NULL AND EXISTS (SELECT FROM relay WHERE name = $1 AND token = $2);

-- part: next_try
-- When what was refused once more, as `t`, is tried again: after 5 seconds, then after 10, 20, 40 and 60.
now() + make_interval(secs => least(60, 5 * 2 ^ least(t.refusals, 4)))

-- name: park_rows
-- The rows $3 wait, refused for the reason $4, if the token $2 still leads. Later rows of their notes lose their
-- numbers, so that they wait behind.
WITH behind AS (
    UPDATE outbox AS a SET position = NULL
    FROM outbox AS b
    WHERE b.id = ANY($3::bigint[]) AND a.id <> ALL($3::bigint[]) AND {{of_one_note}} AND a.id > b.id
      AND a.position IS NOT NULL AND EXISTS (SELECT FROM relay WHERE name = $1 AND token = $2)
)
UPDATE outbox AS t
SET position = NULL, refused_at = coalesce(refused_at, now()), refusals = refusals + 1, refusal = $4,
    retry_at = {{next_try}}
WHERE id = ANY($3::bigint[]) AND EXISTS (SELECT FROM relay WHERE name = $1 AND token = $2);

-- name: park_topic
-- The topic $3 refuses everything for the reason $4, if the token $2 still leads. Its numbered rows wait with it; the
-- rows $5 have shown it.
WITH refusing AS (
    INSERT INTO refusing_topics AS t (topic, refusal, retry_at)
    SELECT $3, $4, now() + make_interval(secs => 5) FROM relay WHERE name = $1 AND token = $2
    ON CONFLICT (topic) DO UPDATE
        SET refusals = t.refusals + 1, refusal = excluded.refusal, retry_at = {{next_try}}
    RETURNING topic, refusal
)
UPDATE outbox AS o
SET position = NULL, refused_at = coalesce(o.refused_at, now()), refusal = refusing.refusal, retry_at = 'infinity',
    refusals = refusals + (o.id = ANY($5::bigint[]))::integer
FROM refusing
WHERE o.topic = refusing.topic AND (o.position IS NOT NULL OR o.refused_at IS NOT NULL);

-- name: park_new
-- Up to $1 rows of refusing topics that came since wait with the others.
UPDATE outbox AS o SET refused_at = now(), refusal = t.refusal, retry_at = 'infinity'
FROM refusing_topics AS t
WHERE o.topic = t.topic AND o.id IN (
    SELECT n.id FROM outbox AS n JOIN refusing_topics USING (topic)
    WHERE n.position IS NULL AND n.retry_at IS NULL AND n.refused_at IS NULL LIMIT $1);

-- name: retry_rows
-- Rows that have waited long enough may be numbered again.
UPDATE outbox SET retry_at = NULL
WHERE refused_at IS NOT NULL AND retry_at <= now() AND EXISTS (SELECT FROM relay WHERE name = $1 AND token = $2);

-- name: retry_topics
-- The trial of each topic whose time has come: two of its first 1,000 rows may be numbered again, of those that were
-- refused least the smallest, and another by chance; none that would overtake another of its note. A topic without a
-- row is forgotten.
WITH due AS (
    SELECT topic FROM refusing_topics
    WHERE retry_at <= now() AND EXISTS (SELECT FROM relay WHERE name = $1 AND token = $2)
), candidates AS (
    SELECT c.* FROM due CROSS JOIN LATERAL (
        SELECT id, topic, refusals, octet_length(value) AS bytes FROM outbox AS a
        WHERE a.topic = due.topic AND refused_at IS NOT NULL AND NOT {{is_behind}} ORDER BY id LIMIT 1000
    ) AS c
), trial AS (
    UPDATE outbox SET retry_at = NULL
    WHERE id IN (
        SELECT DISTINCT ON (topic) id FROM candidates ORDER BY topic, refusals, bytes, id
    ) OR id IN (
        SELECT DISTINCT ON (topic) id FROM candidates ORDER BY topic, refusals, random()
    )
    RETURNING topic
), postponed AS (
    UPDATE refusing_topics AS t SET refusals = refusals + 1, retry_at = {{next_try}}
    WHERE topic IN (SELECT topic FROM trial)
)
DELETE FROM refusing_topics AS t USING due WHERE t.topic = due.topic AND t.topic NOT IN (SELECT topic FROM trial);

-- name: refusing
SELECT topic FROM refusing_topics;

-- name: admit_rows
-- Up to $2 rows of the topics $1 wait no longer; those that were refused themselves are tried later, as they were.
UPDATE outbox AS t
SET retry_at = CASE WHEN refusals > 0 THEN {{next_try}} END,
    refused_at = CASE WHEN refusals > 0 THEN refused_at END, refusal = CASE WHEN refusals > 0 THEN refusal END
WHERE id IN (SELECT id FROM outbox WHERE topic = ANY($1::text[]) AND retry_at = 'infinity' LIMIT $2);

-- name: admit_topics
DELETE FROM refusing_topics WHERE topic = ANY($1::text[]);
