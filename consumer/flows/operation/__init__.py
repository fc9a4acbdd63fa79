"""What every loop reports to.

The files in reading order: health (with hop_lines, what is logged of it), metric (what one is, and its labels), meters
(all of them), phases (of a loop's time), watch (looks at the tables), sampler (looks at the process), budgets (what is
spent, and what nobody has posted), guard (owns the loops), checkup (what `doctor` asks).
"""
