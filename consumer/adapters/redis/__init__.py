"""Redis, through redis-py: a cache, and the place where replicas tell each other to wait.

Law: redis-py is imported here alone, and none of its errors leaves this folder. Files in reading order: login (TLS and
passwords), connection (the one boundary), cache (copies of drafts), pace (what replicas tell each other), checkup (is
it there).
"""
