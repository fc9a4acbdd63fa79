"""PostgreSQL: the truth.

Law: plain SQL, all of it in `queries/` and `migrations/`; no network call inside a transaction.
"""
