"""Commands that look and change nothing.

The modules: show (sessions, bundles), tables (requests, packages, …), verify (proofs), revisions (what changed between
two packages).
"""
