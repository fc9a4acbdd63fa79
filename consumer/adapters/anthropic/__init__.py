"""The model's API, by the SDK of Anthropic. No other module uses it.

Law: one call is one request on the wire. Drafting decides about retries, budgets and outages; the SDK's own retries
would multiply drafting's and would obey `retry-after` without a cap.

Files: messages (the port `Model`), clients (one for each provider), parameters (what is sent), answers (what comes
back), faults (which error is whose), checkup (is the key accepted).
"""
