"""The console: what an operator looks at, and acts in after a sign-in.

Law: a page is one module of `pages` and one template. It reads through the protocols of `consumer.flows.viewing` alone,
gives values to its template, which escapes them, and reaches the log with no content of a record. It works without
JavaScript; the script only keeps *Now* fresh. No page builds anything at import.

What is promised of every page: a strict content security policy, no inline script or style, a few pages at once, each
bounded in time; a plain page when PostgreSQL is away. Who may read and act is the table in `access`.

The files in reading order: console (puts all together), routes (the list of pages), gate (stands before each page),
access, slowdown, visit (what a page is given), readers, live (server-sent events), templating, telling, links, assets;
then the package pages.
"""
