-- What calls to models cost: one row a call, and sums by day. A call that is under way holds what it may cost.
CREATE TABLE model_calls (
    call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    drafted_for text NOT NULL,
    purpose text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    held_usd double precision NOT NULL DEFAULT 0,
    usd double precision,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_input_tokens bigint NOT NULL DEFAULT 0,
    cache_creation_input_tokens bigint NOT NULL DEFAULT 0
);
CREATE INDEX model_calls_of ON model_calls (tenant_id, session_id);
CREATE INDEX model_calls_by_time ON model_calls (began_at);
CREATE INDEX model_calls_under_way ON model_calls (tenant_id) WHERE ended_at IS NULL;

-- The tenant '' stands for all tenants together. Days are in UTC.
CREATE TABLE model_days (
    tenant_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    purpose text NOT NULL,
    calls bigint NOT NULL,
    usd double precision NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_input_tokens bigint NOT NULL,
    cache_creation_input_tokens bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, provider, model, purpose)
);
