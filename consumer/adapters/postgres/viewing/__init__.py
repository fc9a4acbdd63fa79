"""Reads for people who look; they write nothing.

The files: console_reader (present, lists, stories, finding), shown_packages, accounts,
refused_records.
"""
