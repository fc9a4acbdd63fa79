-- When a session changed, to five minutes: sessions are listed by their last change, and an index on the time itself
-- would make each update of intake write to every index of the table. Most updates leave this column as it is, and so
-- stay within their page (HOT). PostgreSQL fills it in by itself, for the release before, too. The table is written anew
-- once, and intake waits meanwhile.

ALTER TABLE sessions
    ADD COLUMN changed_around timestamptz
    GENERATED ALWAYS AS (date_bin('5 minutes', changed_at, '2001-01-01 00:00:00+00')) STORED;
