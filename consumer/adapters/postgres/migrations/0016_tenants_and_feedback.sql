-- What tenants want, and what became of packages. A policy is one row: the newest by the time at which it was set.
CREATE TABLE tenant_policies (
    tenant_id text COLLATE "C" PRIMARY KEY,
    event_id text NOT NULL,
    set_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    model text NOT NULL CHECK (model IN ('on', 'off')),
    language text NOT NULL,
    monthly_budget_usd double precision CHECK (monthly_budget_usd >= 0),
    note_footer text
);

-- `said` is the event's data as JSON, without secrets; retention empties its texts. A package may be unknown.
CREATE TABLE package_feedback (
    tenant_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    event_id text NOT NULL,
    package_id text NOT NULL,
    outcome text NOT NULL,
    said text NOT NULL,
    occurred_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, session_id, event_id)
);
CREATE INDEX package_feedback_of ON package_feedback (package_id);
CREATE INDEX package_feedback_newest ON package_feedback (occurred_at);
