"""Stores made whole from the topics: an empty one beside the service, and the service's own when it has lost commits.

Law: what was published is taken as it was published; nothing is drafted here. Files in reading order: `ports`,
`reading` (inputs and outcomes, again), `rebuild` (an empty store), `catching_up` (a store in use), `standing` (which
watches it).
"""
