"""PostgreSQL: the truth.

Law: plain SQL, all of it in `queries/` and `migrations/`; no network call inside a transaction; asyncpg is imported
here alone. `core` is what every room uses; `intake`, `drafting` and `replay` serve the flows of these names;
`operation` is for those who prove and copy, `viewing` for those who look. Single files: outbox (for the relay),
evictions (for forgetting), retention, rebuild, redrive (dead letters
again).
"""
