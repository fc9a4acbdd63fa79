-- Prompts that the model's API refused, until it is known whether that was the prompt's fault or the API's. Additive.

CREATE TABLE model_doubts (
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    bundle_sha256   text COLLATE "C" NOT NULL,
    prompt_version  text COLLATE "C" NOT NULL,
    model           text COLLATE "C" NOT NULL,
    refusal         text NOT NULL,                      -- as in drafts
    drafted_for     text NOT NULL,
    refused_at      timestamptz NOT NULL DEFAULT now(),
    in_a_row        boolean NOT NULL DEFAULT true,      -- no answer has come since
    PRIMARY KEY (tenant_id, session_id, bundle_sha256, prompt_version, model)
);

ALTER TABLE model_outage
    ADD COLUMN refuses boolean NOT NULL DEFAULT false,  -- it is there, and refuses every prompt
    ADD COLUMN probed_to timestamptz;                   -- the end of the request that probed last: the next probe is another
