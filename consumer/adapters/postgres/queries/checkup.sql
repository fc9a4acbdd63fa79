-- What `doctor` asks of the database. Nothing here writes.

-- name: server
-- Version, encoding, database and user; TLS of this connection (null behind a pooler that hides it).
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
       current_setting('server_encoding') AS encoding, current_database()::text AS database, current_user::text AS role,
       (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls;

-- name: is_prepared
-- Whether there is a table of migrations at all.
SELECT to_regclass('schema_migrations') IS NOT NULL AS prepared;

-- name: clock
SELECT clock_timestamp() AS now;
