"""The state of a troubleshooting session, folded from its events.

Law: the state is a pure function of the set of accepted events; neither arrival order nor repetition matters. The files
in reading order: session (the fold), fixes (the life of a fix: a table), ordinal (the order of facts, scripts and
fixes), history (a session as it is stored), recordings (sessions from a file).
"""
