"""Proxies between the service and each of its servers, which lose, delay, halve and repeat what passes.

Each reads as much of a protocol as names a request, and finds the end of its answer. Law: what is not in the plan
passes as it is.

Files in reading order: `kinds` (what the service asks its servers, and what is in doubt when an answer is lost),
`plan` (which request meets which fault), `conversation` (what a protocol must tell), `link` (one connection), `proxy`,
then the protocols `kafka`, `postgres`, `redis`, `model`, and `around` (all four around one stage).
"""
