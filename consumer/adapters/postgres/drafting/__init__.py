"""The six ports of drafting on PostgreSQL.

Law: what replicas have to agree on is decided by a statement, with the database's clock. The files in the order in
which work passes them: leases, ledger, endings, outages, doubts, accounts (what calls to models
cost).
"""
