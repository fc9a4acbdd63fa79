"""Switches off each guarding line of the promises and failures, one at a time: `make mutate-promises`.

A mutant is data (the `*.toml` files here): a file, its guarding text, what stands there instead, and the test that must
notice. The text is replaced in a copy of the checkout; the working tree is never touched. The test runs there in its
own process, so that the service's processes, its SQL and its migrations are the mutant's, too. It must fail by an
assertion of its own: a mutant that cannot even be imported proves nothing.

In reading order: mutant (the data), copy (of the checkout), witness (how a test ended), trial (of one mutant),
__main__ (all of them, on a screen).
"""
