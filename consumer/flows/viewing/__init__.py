"""What those who operate the service see: read models, and the ports that read them. Nothing here writes.

A reader answers within a bound of a few seconds or raises Transient. Empty pages are answers; whoever shows them says
whether nothing matches or nothing has arrived (`RowPage.store_is_empty`).

The files in reading order: pages (one page of rows, and the key of the next one), tickets (a ticket as people write
it), filters (what is looked for, as closed sets), requests, waiting (what a request waits for, as a sentence),
packages, dead_letters, story (all that is known of one request), timeline (the same, told), sessions, overview (what
needs attention now), ports (the readers). The package console has the ports of its pages
alone.
"""
