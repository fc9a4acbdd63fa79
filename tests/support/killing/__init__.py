"""Kills the real service at every point at which its code may wait.

Read in this order: points (every await, found in the code), page (what parent and child share), mother (starts
processes whose code counts its points), world (a service that is killed and comes back), acts (what is asked of it).
"""
