"""What every loop reports to.

The files in reading order: health (with hop_lines, what is logged of it), meters, watch (looks at the tables), budgets
(what is spent, and what nobody has posted), guard (owns the loops), checkup (what `doctor` asks).
"""
