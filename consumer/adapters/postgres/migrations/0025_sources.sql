-- Which producer a refused record is of. A new column only, null for what is stored already and by the release before.

ALTER TABLE dead_letters
    ADD COLUMN source text;                             -- the CloudEvents source, if it could be read; redacted, cut
