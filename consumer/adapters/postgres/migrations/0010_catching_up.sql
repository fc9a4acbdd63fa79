-- One row while a store that has lost commits is made whole: nothing is drafted or published meanwhile.
CREATE TABLE catching_up (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    started_at      timestamptz NOT NULL DEFAULT now(),
    since           timestamptz NOT NULL                -- from then on published events may be missing here
);
