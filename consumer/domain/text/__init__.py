"""Texts, whatever they are about.

The files: words, sentences, names, elisions (lists of numbered names), quantities, language; what texts say: orders
(texts that address their reader), loose_ends (what was not checked), contacts (who reported it), telling (the lines of
a log that name an error); and sanitize (untrusted text made harmless).
"""
