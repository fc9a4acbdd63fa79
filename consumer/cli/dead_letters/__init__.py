"""`dead-letters redrive | purge | jobs | stop`. The files: command (options), following (a job to its end), view."""
