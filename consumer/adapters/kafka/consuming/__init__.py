"""Intake's end of Kafka.

The files: consumer (the input topics), ownership (its partitions), placement (where reading begins), order (of the
partitions), lags (how far reading is behind), transactions (open ones, which hold records back).
"""
