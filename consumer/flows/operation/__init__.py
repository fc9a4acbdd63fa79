"""What every loop reports to.

The files in reading order: health, meters, watch (looks at the tables), budgets (what is spent, and what nobody has
posted), guard (owns the loops), checkup (what `doctor` asks).
"""
