"""`escalation-consumer demo`: real servers, the real service, sample sessions, packages on the screen.

Law: the demo uses the service as any user does, through its topics, its command line and its HTTP pages. It reads the
database only to show numbers.

The files in reading order: command (the options), play (from start to end), stage (the service as a process), samples,
outcomes, customers (what they want, and say of the packages), removals (what the door kept back), screen, closing (the
last page, and what to try next).
"""
