"""`escalation-consumer demo`: real servers, the real service, sample sessions, packages on the screen.

Law: the demo is a user like any other. It speaks to the service through its topics, its command line and its HTTP
pages; only to show numbers it looks into the database.
"""
