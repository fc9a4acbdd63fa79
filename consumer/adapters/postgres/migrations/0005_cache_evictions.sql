-- What Redis must forget: written with the deletion itself, deleted once Redis has acknowledged. A new table only: the
-- release before does not know it.

CREATE TABLE cache_evictions (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id       text COLLATE "C" NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    since           timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.01);
