-- What proof of old packages and retention need. New columns only, null at first: both releases can work on it.

ALTER TABLE packages
    ADD COLUMN redacted_sha256 text,                    -- what the stored events give since a redaction changed a text;
    ADD COLUMN redacted_at     timestamptz;             -- null: what was published
