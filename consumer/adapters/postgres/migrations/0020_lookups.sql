-- What those who look at the tables ask for. `sessions.changed_at` has no index on purpose: each batch would pay for it.
CREATE INDEX CONCURRENTLY requests_by_time ON requests (stored_at, tenant_id, session_id, request_id);
CREATE INDEX CONCURRENTLY requests_of_tenant ON requests (tenant_id, stored_at, session_id, request_id);
CREATE INDEX CONCURRENTLY requests_by_state ON requests (state, stored_at, tenant_id, session_id, request_id);
CREATE INDEX CONCURRENTLY requests_by_id ON requests (request_id);
CREATE INDEX CONCURRENTLY requests_by_session ON requests (session_id);
CREATE INDEX CONCURRENTLY packages_by_time ON packages (created_at, package_id);
CREATE INDEX CONCURRENTLY packages_of_tenant ON packages (tenant_id, created_at, package_id);
CREATE INDEX CONCURRENTLY packages_by_status ON packages (status, created_at, package_id);
CREATE INDEX CONCURRENTLY packages_by_cause ON packages (cause, created_at, package_id);
CREATE INDEX CONCURRENTLY packages_by_session ON packages (session_id);
CREATE INDEX CONCURRENTLY packages_by_ticket ON packages ((ticket ->> 'ticket_id')) WHERE ticket IS NOT NULL;
CREATE INDEX CONCURRENTLY sessions_by_id ON sessions (session_id);
CREATE INDEX CONCURRENTLY sessions_by_ticket ON sessions ((last_ticket ->> 'ticket_id')) WHERE last_ticket IS NOT NULL;
-- The tickets that sessions name, also those that they left. Only events of these types can name one.
CREATE INDEX CONCURRENTLY session_events_by_ticket ON session_events ((data::jsonb #>> '{psa_ticket,ticket_id}'))
    WHERE type IN ('session.opened.v1', 'session.described.v1', 'session.snapshot.v1');
CREATE INDEX CONCURRENTLY dead_letters_by_session ON dead_letters (session_id);
CREATE INDEX CONCURRENTLY dead_letters_by_request ON dead_letters (request_id) WHERE request_id IS NOT NULL;
