"""From a request that is due to its outcome.

Law: every piece of work ends its lease; a draft is paid for once. The files in the order in which work passes them:
loop, worker, attempt, drafter, calls (to the model), finishing, failures; then ports and model (what drafting needs),
lease_clock, lease_keeper, fallback_pace, tracing (where spans begin and end), and trial (drafts for the commands,
nothing stored).
"""
