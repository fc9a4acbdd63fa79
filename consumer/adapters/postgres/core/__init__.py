"""What every room of the PostgreSQL adapter uses; it knows none of them.

The files in reading order: connecting (with or without a pooler), pool, faults (which errors mean "again later"), sql
(named queries), migrate, rights (of each role), from_rows (rows as values of the domain), hints (LISTEN).
"""
