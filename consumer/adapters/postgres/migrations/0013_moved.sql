-- When reading of a partition moved last: a request does not wait for one that stands still. A new column only.
ALTER TABLE intake_positions ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now();
