-- Dead letters come last: there can be many of them at once, and nobody waits for them.
CREATE INDEX CONCURRENTLY outbox_next ON outbox ((topic LIKE '%.dlq'), id) WHERE position IS NULL AND retry_at IS NULL;
CREATE INDEX CONCURRENTLY outbox_refused ON outbox (retry_at) WHERE refused_at IS NOT NULL;
CREATE INDEX CONCURRENTLY outbox_parked ON outbox (topic, id) WHERE refused_at IS NOT NULL;
