"""Texts, whatever they are about: words, names, quantities, language, and sanitize (untrusted text made harmless)."""
