"""Calls to the models for one draft.

Law: at most one call, one retry and one repair for a draft, and one check for each answer. Files in reading order:
dialogue (what is said and answered), choice (whom to ask, and what), calling, pace (how many calls at once, and when),
second_reader, accounting (the one door before every call: policy, budget, cost).
"""
