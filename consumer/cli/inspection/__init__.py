"""Commands that look and change nothing.

The files in reading order: narrowing (options of all lists, honest empty results), show (sessions, bundles), requests
(and their stories), tables (packages, dead letters, outbox), verify (proofs), revisions (what changed between two
packages), status (what needs attention now).
"""
