"""The tables for those who operate the service: looked at, proven, copied.

The files in reading order: store_reader (the watch and the commands), tenant_reader,
tally (counts), positions, proofs, copying, checkup.
"""
