"""Tenants apart: whatever is asked for one of two tenants that share every id, nothing of the other is seen or changed.

`twins` is a store of two such tenants, `watch` sees each query that runs and what it returns. There is a case for every
page and command (`cases`), kind of record (`records`) and thing that the service does of itself (`acts`).
`queries.toml` names the queries that they run, and why each of the others serves all. What has neither is noticed.
"""
