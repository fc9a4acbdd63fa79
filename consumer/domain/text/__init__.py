"""Texts, whatever they are about.

The files: words, sentences, names, quantities, language, orders (texts that address their reader), and sanitize
(untrusted text made harmless).
"""
