-- The offset, in minutes, at which an event was emitted: its local time. Null for events of an earlier release.
ALTER TABLE session_events ADD COLUMN utc_offset smallint;
