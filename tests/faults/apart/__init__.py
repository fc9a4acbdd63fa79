"""Tenants apart: whatever is asked for one of two tenants that share every id, nothing of the other is seen or changed.

`twins` is a store of two such tenants, `watch` sees each query that runs and what it returns, `cases` holds a case for
every page, command and kind of record, `queries.toml` says which case runs which query. What has no case is noticed.
"""
