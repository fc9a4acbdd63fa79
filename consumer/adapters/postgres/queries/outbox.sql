-- The outbox and the lease of the relay that empties it. Times are the database's.

-- name: lead
-- Takes the lease when nobody holds it; the token fences whoever held it before.
INSERT INTO relay AS r (name, token, leader, led_until)
VALUES ($1, 1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE
    SET token = r.token + 1, leader = excluded.leader, led_until = excluded.led_until
    WHERE r.led_until IS NULL OR r.led_until < now()
RETURNING token, position, numbered;

-- name: resign
UPDATE relay SET led_until = NULL WHERE name = $1 AND token = $2;

-- name: number
-- Numbers up to $5 untaken rows in id order and renews the lease, if the token still leads; else returns nothing.
-- Ids are drawn before commit, so a lower one may appear later: it gets a later number. One request's rows are written
-- under its row lock, so that among them the order of ids is the order of commits.
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
SELECT id, position, topic, key, headers, value FROM outbox WHERE position >= $1 ORDER BY position LIMIT $2;

-- name: published
-- All below $2 are published: a fact, whoever says it, so that no token is needed; the mark never falls.
WITH gone AS (DELETE FROM outbox WHERE position < $2)
UPDATE relay SET position = greatest(position, $2), numbered = greatest(numbered, $2) WHERE name = $1;

-- name: identities
-- What may or may not be published already; with $1 null every row, numbered or not.
SELECT id, topic, key, headers, sha256(value) AS digest, created_at FROM outbox
WHERE $1::bigint IS NULL OR position >= $1;

-- name: forget
-- Rows that were found on their topics.
DELETE FROM outbox WHERE id = ANY($1::bigint[]);

-- name: unnumber
-- The numbers of a database that lost commits mean nothing; they are given anew, above the broker's.
UPDATE outbox SET position = NULL
WHERE position IS NOT NULL AND EXISTS (SELECT FROM relay WHERE name = $1 AND token = $2);
