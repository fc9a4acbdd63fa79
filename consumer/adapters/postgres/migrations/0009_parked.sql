-- Events that a topic refuses wait beside the others. New columns and a new table only: both releases can work on it;
-- the older one publishes in the order of ids, and knows of no row that waits.

ALTER TABLE outbox
    ADD COLUMN refused_at timestamptz,                  -- since when Kafka refuses it; null: it is not refused
    ADD COLUMN refusals   integer NOT NULL DEFAULT 0,   -- in a row
    ADD COLUMN refusal    text,                         -- why
    ADD COLUMN retry_at   timestamptz;                  -- not numbered before; infinity: with its topic; null: whenever

-- One row for each topic that takes no event at all.
CREATE TABLE refusing_topics (
    topic           text COLLATE "C" PRIMARY KEY,       -- full name, with prefix
    since           timestamptz NOT NULL DEFAULT now(),
    refusals        integer NOT NULL DEFAULT 1,         -- in a row
    refusal         text NOT NULL,
    retry_at        timestamptz NOT NULL                -- when one row is tried
);
