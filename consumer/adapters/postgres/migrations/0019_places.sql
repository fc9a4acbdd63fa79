-- Where the records of requests, feedback and refusals stand. New columns only, null for what is stored already: the
-- release before leaves them null. Session events have none: they come by COPY, and each column would be paid for.

ALTER TABLE requests
    ADD COLUMN origin_topic     text COLLATE "C",       -- of the record that asked for it; null: not noted
    ADD COLUMN origin_partition integer,
    ADD COLUMN origin_offset    bigint;
ALTER TABLE package_feedback
    ADD COLUMN origin_topic     text COLLATE "C",
    ADD COLUMN origin_partition integer,
    ADD COLUMN origin_offset    bigint;
ALTER TABLE dead_letters
    ADD COLUMN request_id       text COLLATE "C";       -- that the refused record names, if it could be read; redacted
