"""`dead-letters redrive | purge | jobs | stop`.

The files: group (all commands together), command (options), following (a job to its end), view.
"""
