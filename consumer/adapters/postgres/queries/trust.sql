-- name: incarnation
-- Another text once the server was started anew, or the database made anew.
SELECT pg_postmaster_start_time()::text || ' ' || oid FROM pg_database WHERE datname = current_database();
