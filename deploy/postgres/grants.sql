-- Generated (`python -m tests.support.grants`) from consumer/adapters/postgres/core/rights.py, which a test holds
-- against every query of the service. The owner of the tables runs it after each `escalation-consumer prepare`:
--
--   psql "$OWNER_URL" --set ON_ERROR_STOP=1 --single-transaction --file deploy/postgres/grants.sql
--
-- It takes back what an earlier release needed. Neither role may make, alter, drop or truncate anything.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM escalation_service, escalation_reader;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM escalation_service, escalation_reader;
GRANT USAGE ON SCHEMA public TO escalation_service, escalation_reader;

-- The service, and the commands that change something.
GRANT SELECT, INSERT, UPDATE, DELETE ON cache_evictions TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON catching_up TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letter_jobs TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON drafts TO escalation_service;
GRANT SELECT, INSERT, UPDATE ON intake_positions TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON model_calls TO escalation_service;
GRANT SELECT, INSERT, UPDATE ON model_days TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON model_doubts TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON model_outage TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON package_feedback TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON packages TO escalation_service;
GRANT SELECT, INSERT, UPDATE ON rebuild TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON refusing_topics TO escalation_service;
GRANT SELECT, INSERT, UPDATE ON relay TO escalation_service;
GRANT SELECT, INSERT, UPDATE ON replay_items TO escalation_service;
GRANT SELECT, INSERT, UPDATE ON replays TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON requests TO escalation_service;
GRANT SELECT ON schema_migrations TO escalation_service;
GRANT SELECT ON service_keys TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON session_events TO escalation_service;
GRANT SELECT, INSERT, DELETE ON session_secrets TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO escalation_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON settled_dead_letters TO escalation_service;
GRANT SELECT, INSERT, UPDATE ON tenant_policies TO escalation_service;
GRANT USAGE ON SEQUENCE lease_tokens TO escalation_service;

-- Commands and pages that only look. They see how many secrets a session has, and no key.
GRANT SELECT ON cache_evictions TO escalation_reader;
GRANT SELECT ON catching_up TO escalation_reader;
GRANT SELECT ON dead_letter_jobs TO escalation_reader;
GRANT SELECT ON dead_letters TO escalation_reader;
GRANT SELECT ON drafts TO escalation_reader;
GRANT SELECT ON intake_positions TO escalation_reader;
GRANT SELECT ON model_calls TO escalation_reader;
GRANT SELECT ON model_days TO escalation_reader;
GRANT SELECT ON model_doubts TO escalation_reader;
GRANT SELECT ON model_outage TO escalation_reader;
GRANT SELECT ON outbox TO escalation_reader;
GRANT SELECT ON package_feedback TO escalation_reader;
GRANT SELECT ON packages TO escalation_reader;
GRANT SELECT ON rebuild TO escalation_reader;
GRANT SELECT ON refusing_topics TO escalation_reader;
GRANT SELECT ON relay TO escalation_reader;
GRANT SELECT ON replay_items TO escalation_reader;
GRANT SELECT ON replays TO escalation_reader;
GRANT SELECT ON requests TO escalation_reader;
GRANT SELECT ON schema_migrations TO escalation_reader;
GRANT SELECT ON session_events TO escalation_reader;
GRANT SELECT (tenant_id, session_id) ON session_secrets TO escalation_reader;
GRANT SELECT ON sessions TO escalation_reader;
GRANT SELECT ON settled_dead_letters TO escalation_reader;
GRANT SELECT ON tenant_policies TO escalation_reader;
