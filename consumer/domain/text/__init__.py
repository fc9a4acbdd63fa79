"""Texts, whatever they are about.

The files: words, sentences (and what they quote), names, elisions (lists of numbered names), quantities, number_words,
language; what texts say: orders (texts that address their reader, and those that set bounds), loose_ends (what was not
checked), contacts (who reported it), telling (the lines of a log that name an error); marks (what changed between two
of them); and sanitize (untrusted text made harmless).
"""
