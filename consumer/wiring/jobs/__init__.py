"""What commands do, and the console with them: each job put together.

The files: replays, redrives, rebuilds, trials, checkups.
"""
