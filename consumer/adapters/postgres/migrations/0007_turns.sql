-- Turns of the tenants. Indexes only: the earlier release works on, by its own ones.

-- The waiting work of each tenant, first packages (0), revisions (1) and replays (2) apart.
CREATE INDEX CONCURRENTLY requests_turn ON requests ((rank / 10), tenant_id, rank, stored_at, due_at) WHERE due_at IS NOT NULL;
-- Work that was taken up twice and did not come back: a few rows at most.
CREATE INDEX CONCURRENTLY requests_alone ON requests (stored_at) WHERE attempts >= 2 AND due_at IS NOT NULL;
