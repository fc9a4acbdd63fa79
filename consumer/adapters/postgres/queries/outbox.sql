-- The outbox, and the lease of the relay that empties it. $1 is the relay's name where it is compared with `name`.
-- All times are by the database's clock.

-- name: lead
-- Takes the lease for $3 seconds as the leader $2, when nobody holds it. The new token fences the leader before.
INSERT INTO relay AS r (name, token, leader, led_until)
VALUES ($1, 1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE
    SET token = r.token + 1, leader = excluded.leader, led_until = excluded.led_until
    WHERE r.led_until IS NULL OR r.led_until < now()
RETURNING token, position, numbered;

-- name: resign
UPDATE relay SET led_until = NULL WHERE name = $1 AND token = $2;

-- name: number
-- Numbers up to $5 rows without a number, in the order of ids, and renews the lease for $3 seconds. $4 is the lowest
-- number to give. No row when the token $2 no longer leads.
-- Ids are drawn before the commit, so a lower id can appear later; it gets a higher number. The rows of one request are
-- written under its row's lock, so among them the order of ids is the order of commits.
WITH fence AS MATERIALIZED (
    SELECT greatest(numbered, $4::bigint) AS base FROM relay WHERE name = $1 AND token = $2 FOR UPDATE
), untaken AS MATERIALIZED (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place
    FROM (SELECT id FROM outbox WHERE position IS NULL AND EXISTS (SELECT FROM fence) ORDER BY id LIMIT $5) AS first
), taken AS (
    UPDATE outbox SET position = fence.base + untaken.place
    FROM untaken, fence
    WHERE outbox.id = untaken.id AND outbox.position IS NULL
    RETURNING outbox.position
)
UPDATE relay
SET numbered = greatest(fence.base, (SELECT max(position) + 1 FROM taken)),
    led_until = now() + make_interval(secs => $3)
FROM fence
WHERE name = $1 AND token = $2
RETURNING numbered;

-- name: rows
-- Numbered rows from the number $1 on.
SELECT id, position, topic, key, headers, value FROM outbox WHERE position >= $1 ORDER BY position LIMIT $2;

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
