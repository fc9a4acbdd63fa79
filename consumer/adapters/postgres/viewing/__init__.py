"""Reads for people who look; they write nothing.

The files: shown_packages, accounts.
"""
