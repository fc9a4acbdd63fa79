"""What the records hold in another form than a statement says it.

Law: two forms are equal only if they can't mean two things; what is equal here is never a reason to refuse. The files
in reading order: moments (times of day and days), spoken_times, telephones, amounts, reckoning (sums, times
between), foreign_names (what records of other languages call it).
"""
