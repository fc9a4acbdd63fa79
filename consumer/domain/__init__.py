"""What the service knows, as pure functions over frozen values.

Law: no I/O, clock, randomness, logging, asyncio or SDK. Time, ids and randomness are arguments. A value goes forward
through the rooms, and an import contract keeps it so: events (what arrives, as types), text, redaction and language
(which know no other room), arrival, request, session, bundle, writing, rendering, review, package, cost, replay.
"""
