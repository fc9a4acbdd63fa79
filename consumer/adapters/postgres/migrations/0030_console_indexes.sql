-- Lists of requests by time, and look-ups by id and ticket, for people. What changes with a batch is not indexed:
-- sessions' updates stay within their pages.
CREATE INDEX CONCURRENTLY requests_stored ON requests (stored_at, tenant_id, session_id, request_id);
CREATE INDEX CONCURRENTLY requests_by_id ON requests (request_id);
CREATE INDEX CONCURRENTLY sessions_by_id ON sessions (session_id);
CREATE INDEX CONCURRENTLY packages_ticket ON packages ((ticket ->> 'ticket_id')) WHERE ticket IS NOT NULL;
