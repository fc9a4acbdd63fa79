"""Pages that act on many records: preview, do, watch, stop.

Law: a preview changes nothing and needs a sign-in, for it may be dear. What is done is what the preview showed. The
modules: asking (what these pages have in common), replays, applying (a replay), dead_letters.
"""
