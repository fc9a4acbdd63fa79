"""What a planned replay would make of the packages.

The files in reading order: weighing (one request), plan (all of them, priced), comparison (the texts, by section).
"""
