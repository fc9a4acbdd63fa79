"""Kills the real service at every point at which its code may wait.

Read in this order: points (every await, found in the code), page (what parent and child share), mother (starts
processes whose code counts its points), world (a service that is killed and comes back), records (what is sent to it),
live and jobs (what is asked of it), acts (all of that), siege (the whole of it).
"""
