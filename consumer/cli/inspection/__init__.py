"""Commands that look and change nothing: show (sessions, bundles), tables (requests, packages, …), verify (proofs)."""
