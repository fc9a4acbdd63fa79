-- name: tally
-- Counts of the rows of all tables, in one round trip.
SELECT (SELECT count(*) FROM session_events)                          AS events,
       (SELECT count(*) FROM sessions WHERE newest_version IS NOT NULL) AS sessions,
       (SELECT count(*) FROM requests WHERE state <> 'foreseen')      AS requests,
       (SELECT count(*) FROM requests WHERE state = 'open')           AS open,
       (SELECT count(*) FROM requests WHERE due_at IS NOT NULL)       AS due,
       (SELECT count(*) FROM packages)                                AS packages,
       (SELECT count(*) FROM dead_letters)                            AS dead_letters,
       (SELECT count(*) FROM outbox)                                  AS outbox
