-- Dead letters that are redriven or purged, and the jobs that do it.
ALTER TABLE dead_letters
    ADD COLUMN redriven_at timestamptz, -- when it was redriven last, and stayed
    ADD COLUMN redrive_error text;      -- why it stayed then

-- Dead letters that have left the list. A record that is read again is known by its row: it is not refused anew.
CREATE TABLE settled_dead_letters (
    topic           text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    "offset"        bigint NOT NULL,
    record_ms       bigint NOT NULL,
    tenant_id       text COLLATE "C",
    session_id      text COLLATE "C",
    reason          text NOT NULL,
    failed_at       timestamptz NOT NULL,
    became          text NOT NULL,                      -- taken or purged
    job_id          text NOT NULL,
    settled_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset", record_ms)
);
CREATE INDEX settled_dead_letters_settled ON settled_dead_letters (settled_at);

-- A job's cursor is the last dead letter that it has looked at: topics in descending order, each from its beginning.
CREATE TABLE dead_letter_jobs (
    job_id          text COLLATE "C" PRIMARY KEY,
    action          text NOT NULL,                      -- redrive or purge
    chosen          text NOT NULL,                      -- JSON
    state           text NOT NULL DEFAULT 'submitted',
    asked_by        text NOT NULL,
    submitted_at    timestamptz NOT NULL DEFAULT now(),
    began_at        timestamptz,
    ended_at        timestamptz,
    stopped_by      text,
    matched         bigint NOT NULL,
    taken           bigint NOT NULL DEFAULT 0,
    dropped         bigint NOT NULL DEFAULT 0,
    refused         bigint NOT NULL DEFAULT 0,
    gone            bigint NOT NULL DEFAULT 0,
    purged          bigint NOT NULL DEFAULT 0,
    at_topic        text COLLATE "C",
    at_partition    integer,
    at_offset       bigint,
    at_ms           bigint,
    lease_token     bigint NOT NULL DEFAULT 0,
    leased_until    timestamptz,
    runner          text,
    waits           text
);
CREATE UNIQUE INDEX dead_letter_jobs_unended ON dead_letter_jobs (action, chosen)
    WHERE state IN ('submitted', 'running');
