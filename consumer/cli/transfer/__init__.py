"""Commands that move records and packages.

The files in reading order: lines (what a file holds), load (sends it), checking (what intake would say of it), copies
(packages of an export, into the tables), export.
"""
