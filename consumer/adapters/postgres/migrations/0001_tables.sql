-- Keys are compared as bytes ("C"): faster, and the order in which Python sorts them, so that locks are taken alike.

CREATE TABLE sessions (
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    newest_version  bigint,                             -- null: known by an erasure only
    event_count     integer NOT NULL DEFAULT 0,         -- accepted events; also the last arrival number given out
    has_secrets     boolean NOT NULL DEFAULT false,     -- whether session_secrets holds anything: only then texts are swept
    last_ticket     jsonb,                              -- all that remains of an erased session, besides its ids
    erased_at       timestamptz,
    changed_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id)
) WITH (fillfactor = 70);                               -- updated with every batch

CREATE TABLE session_events (
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    arrival         integer NOT NULL,                   -- 1, 2, ... in order of acceptance: what a package could know
    event_id        text NOT NULL,
    type            text NOT NULL,
    occurred_at     timestamptz NOT NULL,
    actor           text,
    data            text,                               -- redacted JSON; null for a type this release does not know
    PRIMARY KEY (tenant_id, session_id, version)
);

-- Keyed fingerprints of values known to be secret; the values themselves are kept nowhere.
CREATE TABLE session_secrets (
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    identity        text COLLATE "C" NOT NULL,          -- of the value: what its placeholder carries
    kind            text NOT NULL,
    forms           bytea NOT NULL,                     -- fingerprints of the value's spellings, packed
    PRIMARY KEY (tenant_id, session_id, identity)
);

CREATE TABLE requests (
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    request_id      text COLLATE "C" NOT NULL,
    state           text NOT NULL CHECK (state IN
                        ('foreseen',                    -- cancelled before it arrived: remembered, nothing published yet
                         'open',                        -- waits for its state, or is being drafted
                         'done',                        -- has a package; further revisions may follow
                         'failed', 'cancelled')),
    requested_state_version bigint,
    reason          text,                               -- redacted
    priority        smallint NOT NULL DEFAULT 3,
    force           boolean NOT NULL DEFAULT false,
    deadline_seconds integer NOT NULL DEFAULT 120,
    from_replay     boolean NOT NULL DEFAULT false,
    traceparent     text,
    tracestate      text,
    stored_at       timestamptz NOT NULL DEFAULT now(),
    backlog         jsonb,                              -- {"topic/partition": offset} to be read before the clock starts; null: it runs
    half_deadline_at timestamptz,                       -- null while the clock stands still
    deadline_at     timestamptz,                        -- null while the clock stands still, and for replays
    -- the work to be done now or later
    due_at          timestamptz,                        -- to be taken up from then on; null: nothing to do
    rank            smallint NOT NULL DEFAULT 3,        -- lower first: priority, +10 for later revisions, +20 for replays
    cause           text NOT NULL DEFAULT 'request',
    replay_id       text,
    attempts        integer NOT NULL DEFAULT 0,         -- times taken up for this work
    lease_token     bigint,                             -- fence: drawn anew with every lease, checked in the final transaction
    leased_until    timestamptz,
    -- what was published last
    revision        integer NOT NULL DEFAULT 0,
    last_package_id uuid,
    first_done_at   timestamptz,
    revisions_by_change integer NOT NULL DEFAULT 0,     -- counted against the limit per request
    upgrade_wanted  boolean NOT NULL DEFAULT false,     -- the last package is a fallback that a model draft should replace
    failure         text,
    ended_at        timestamptz,
    PRIMARY KEY (tenant_id, session_id, request_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

CREATE INDEX requests_due ON requests (rank, stored_at) WHERE due_at IS NOT NULL;
CREATE INDEX requests_deadline ON requests (deadline_at) WHERE state = 'open';
CREATE INDEX requests_backlog ON requests (stored_at) WHERE backlog IS NOT NULL;
CREATE INDEX requests_upgrade ON requests (ended_at) WHERE upgrade_wanted;
CREATE INDEX requests_leased ON requests (leased_until) WHERE leased_until IS NOT NULL;

CREATE SEQUENCE lease_tokens;

-- The ledger: one row per bundle, prompt and model, so that no draft is paid for twice.
CREATE TABLE drafts (
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    bundle_sha256   text COLLATE "C" NOT NULL,
    prompt_version  text COLLATE "C" NOT NULL,
    model           text COLLATE "C" NOT NULL,
    state           text NOT NULL CHECK (state IN ('claimed', 'drafted', 'refused')),
    claim_token     bigint,
    claimed_until   timestamptz,
    drafted_for     text,                               -- "request_id/revision" whose work paid for it
    answer          text,                               -- the draft as JSON
    attempts        integer NOT NULL DEFAULT 0,
    usage           jsonb,
    refusal         text,                               -- why rules have to do, in state 'refused'
    drafted_at      timestamptz,
    PRIMARY KEY (tenant_id, session_id, bundle_sha256, prompt_version, model)
);

CREATE TABLE packages (
    package_id      uuid PRIMARY KEY,
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    request_id      text COLLATE "C" NOT NULL,
    revision        integer NOT NULL,
    state_version   bigint NOT NULL,
    arrivals        integer NOT NULL,                   -- the session's events 1 .. arrivals were accepted by then
    status          text NOT NULL,
    cause           text NOT NULL,
    replay_id       text,
    bundle_sha256   text NOT NULL,
    content_sha256  text NOT NULL,
    prompt_version  text NOT NULL,
    model           text,
    ticket          jsonb,
    event           text NOT NULL,                      -- the published data as JSON
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, session_id, request_id, revision)
);

-- What is to be published. The relay numbers the rows it takes; a published row leaves.
CREATE TABLE outbox (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position        bigint UNIQUE,                      -- given by the relay, in its order; null: not yet taken
    topic           text NOT NULL,                      -- full name, with prefix
    key             bytea,
    headers         jsonb NOT NULL DEFAULT '[]',        -- [["name", "value"], ...]
    value           bytea NOT NULL,
    tenant_id       text COLLATE "C",
    session_id      text COLLATE "C",
    created_at      timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX outbox_untaken ON outbox (id) WHERE position IS NULL;
CREATE INDEX outbox_session ON outbox (tenant_id, session_id);

CREATE TABLE relay (
    name            text PRIMARY KEY,                   -- the transactional id
    token           bigint NOT NULL DEFAULT 0,          -- fence against another leader's numbering
    leader          text,
    led_until       timestamptz,
    position        bigint NOT NULL DEFAULT 0,          -- high-water mark: every lower one is published
    numbered        bigint NOT NULL DEFAULT 0           -- the next number to be given: no published one is as high
);

-- One row per refused record, however often it is read again.
CREATE TABLE dead_letters (
    topic           text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    "offset"        bigint NOT NULL,
    record_key      bytea,
    tenant_id       text COLLATE "C",
    session_id      text COLLATE "C",
    reason          text NOT NULL,
    error           text NOT NULL,
    excerpt         text NOT NULL,
    failed_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset")
);
CREATE INDEX dead_letters_session ON dead_letters (tenant_id, session_id);

-- How far intake has read, as the deadline of a request needs to know.
CREATE TABLE intake_positions (
    topic           text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    next_offset     bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- One row while the model is away: who may probe, and when.
CREATE TABLE model_outage (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    reason          text NOT NULL,
    since           timestamptz NOT NULL DEFAULT now(),
    next_probe_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE service_keys (
    name            text PRIMARY KEY,
    value           bytea NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now()
);
