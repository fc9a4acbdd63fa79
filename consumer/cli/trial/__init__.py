"""Commands that draft on trial: draft, evaluate (labelled: of statements); trials and verdict_tables are shared."""
