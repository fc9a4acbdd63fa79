-- What proof of old packages and retention need. New columns only, null at first: both releases can work on it.

ALTER TABLE packages
    ADD COLUMN redacted_sha256 text,                    -- what the stored events give since a redaction changed a text;
    ADD COLUMN redacted_at     timestamptz;             -- null: what was published

ALTER TABLE sessions ADD COLUMN trimmed_at timestamptz; -- its content left by age; ids, ticket and requests' ends remain

-- Records that cannot be read name a session without its tenant: an erasure concerns them all the same.
CREATE INDEX sessions_erased ON sessions (session_id) WHERE erased_at IS NOT NULL;

-- One row in a store that was, or is being, built from the topics.
CREATE TABLE rebuild (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    started_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz                         -- null: no service may work on it yet
);
