"""`doctor`: looks at the whole installation, changes nothing, and says what to do.

The files in reading order: command (the options, the exit code), own_checks (what needs no server), report (text and
JSON).
"""
