"""The one gate for every draft, whoever wrote it.

Law: whatever comes back from a model, the package keeps the contract or rules write it; what code refuses is certain.
The files in reading order: gate, tidying, judging, leaving_out, violations (what can be wrong), whole and checks (the
tables of rules), grounding (names and numbers that no record holds), equal/ (other forms of what they hold), spellings
(of other languages, for that look), shape (the rendered package), verdicts (what the checks said).
"""
