-- Offsets of a topic that was deleted and made anew begin at 0 again: a dead letter is known by its record's time, too.
-- Dead letters are few, so their key is made anew at once. The release before goes on: it names no key.

ALTER TABLE dead_letters ADD COLUMN record_ms bigint NOT NULL DEFAULT -1; -- the record's timestamp; -1: not noted
ALTER TABLE dead_letters
    DROP CONSTRAINT dead_letters_pkey,
    ADD PRIMARY KEY (topic, partition, "offset", record_ms);
