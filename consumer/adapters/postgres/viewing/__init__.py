"""The read models of `flows.viewing`, read from the tables.

Law: nothing is written; each look is one READ ONLY transaction at one snapshot, and each statement in it is bounded to
`look.STATEMENT_SECONDS`, so that no page can hold the service up. The files in reading order: look (that transaction),
rows (rows as views), tickets (which sessions have a ticket), dead_letters, packages, requests, story, sessions,
overview, viewing (all of them as one); for the console's pages alone shown_packages, accounts, refused_records.
"""
