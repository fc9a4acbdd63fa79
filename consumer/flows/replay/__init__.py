"""Packages made again on purpose.

The files: planning (what would change, what it costs), comparing (the texts), applying (little by little), desk (for
people who look at a running service).
"""
