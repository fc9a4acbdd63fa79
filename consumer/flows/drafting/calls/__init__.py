"""Calls to the model for one draft.

Law: at most one call, one retry and one repair for a draft. Files in reading order: dialogue (what is said and
answered), pace (how many calls at once, and when).
"""
