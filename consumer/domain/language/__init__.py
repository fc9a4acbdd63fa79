"""What code says in a package, in each language.

Law: all words that code writes into a package stand here, and nowhere else; a language is one file, complete or refused
by its type. No file knows another room. In reading order: language (what a language has to say), spelling (how it
writes what records write otherwise), en, de, languages (the known ones, by their tags).
"""
