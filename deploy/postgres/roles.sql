-- The roles and the database. An administrator of the server runs it once; to run it again changes nothing:
--
--   psql "$ADMIN_URL" --set ON_ERROR_STOP=1 --file deploy/postgres/roles.sql
--
-- escalation_owner    owns the tables: for `escalation-consumer prepare` alone
-- escalation_service  for `run`, and for commands that change something (replay, dead-letters, trim, rebuild)
-- escalation_reader   for commands and pages that only look (session, package, request, status, verify)
--
-- None has a password yet: give each one by `\password escalation_owner`, or let it log in by a certificate whose name
-- (CN) is the role's (in pg_hba.conf: hostssl escalation all all cert). What each may do with the tables is granted by
-- grants.sql, after `prepare`.

SET password_encryption = 'scram-sha-256';

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['escalation_owner', 'escalation_service', 'escalation_reader'])
    AS name WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
SELECT 'CREATE DATABASE escalation OWNER escalation_owner TEMPLATE template0 ENCODING ''UTF8'''
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'escalation')
\gexec

REVOKE ALL ON DATABASE escalation FROM PUBLIC; -- no temporary tables either
GRANT CONNECT ON DATABASE escalation TO escalation_service, escalation_reader;

\connect escalation

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO escalation_owner;
