"""What the service knows: events, sessions, bundles, drafts, packages, as pure functions over frozen values.

Law: no I/O, clock, randomness, logging, asyncio or SDK. Time, ids and randomness are arguments.
The files read in the order of a value's way: events, decode, redaction, session, fixes, bundle, prompt, draft, rules,
grounding, checks, markdown, package.
"""
