"""Commands that draft on trial: draft, evaluate; what they share is in trials and verdict_tables."""
