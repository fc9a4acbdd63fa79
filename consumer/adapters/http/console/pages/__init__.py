"""The pages, one module each.

Law: a page takes a `Visit` and returns `visit.page("<template>.html", …)`; it is a function, listed in `routes`. Its
figures come from `visit.readers`; it decides nothing that another reader of the same figures would need. A page that
acts is reached by POST, says `visit.acted(…)` before it does anything, and answers with `go_to(…)`. Its form holds the
macro `form_token_field(form_token)`.

The modules in the order of the navigation: now, requests, story (of one request), sessions, search; signing (in and
out); beside them fields (of forms). Packages of pages: packages (one package), customers (spend, feedback, tenants),
jobs (replays, dead letters).
"""
