-- Replays: what was planned to be made again, and how far it has come. No text of a session stands here.

ALTER TABLE requests ADD COLUMN replay_ids text[] NOT NULL DEFAULT '{}'; -- replays that it was met in on the topics

CREATE TABLE replays (
    replay_id       text COLLATE "C" PRIMARY KEY,       -- the plan's id; the packages that it makes carry it
    state           text NOT NULL DEFAULT 'planned' CHECK (state IN
                        ('planned', 'applying',
                         'paused',                      -- whoever applied it was stopped, or met a limit
                         'done', 'cancelled')),
    prompt_version  text NOT NULL,                      -- that it was planned for: another release does not take it up
    model           text NOT NULL,
    chosen          jsonb NOT NULL,                     -- by what
    figures         jsonb NOT NULL,                     -- what was found and foretold
    price           jsonb,                              -- dollars a million tokens, by kind; null: not known
    planned_at      timestamptz NOT NULL DEFAULT now(),
    -- how it is applied
    calls_model     boolean NOT NULL DEFAULT true,
    publishes       boolean NOT NULL DEFAULT false,
    began_at        timestamptz,
    seen_at         timestamptz,                        -- last sign of life of whoever applies it
    paced_at        timestamptz,                        -- up to then the rate is used up
    ended_at        timestamptz
);

CREATE TABLE replay_items (
    replay_id       text COLLATE "C" NOT NULL REFERENCES replays ON DELETE CASCADE,
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    request_id      text COLLATE "C" NOT NULL,
    place           integer NOT NULL,                   -- in the plan's order
    why             text[] NOT NULL,                    -- what differs from the last package: bundle, prompt, model, text
    source          text,                               -- where its draft comes from; null: nothing new, but for the text
    renders         boolean NOT NULL,                   -- whether drafts that are stored already make another text
    estimate_usd    double precision NOT NULL DEFAULT 0,
    -- what became of it
    state           text NOT NULL DEFAULT 'planned' CHECK (state IN
                        ('planned',
                         'released',                    -- its request is due, with this replay as the cause
                         'revised', 'drafted', 'unchanged',
                         'failed',                      -- it could not be drafted; the log says why
                         'dropped')),                   -- its request has ended otherwise
    revision        integer,
    calls           integer NOT NULL DEFAULT 0,
    input_tokens    bigint NOT NULL DEFAULT 0,
    output_tokens   bigint NOT NULL DEFAULT 0,
    cache_read_input_tokens     bigint NOT NULL DEFAULT 0,
    cache_creation_input_tokens bigint NOT NULL DEFAULT 0,
    ended_at        timestamptz,
    PRIMARY KEY (tenant_id, session_id, request_id, replay_id),
    FOREIGN KEY (tenant_id, session_id, request_id) REFERENCES requests ON DELETE CASCADE
);
CREATE INDEX replay_items_left ON replay_items (replay_id, place) WHERE state IN ('planned', 'released');
CREATE INDEX replay_items_of ON replay_items (replay_id);
