"""`replay`: packages made again on purpose: planned, priced, compared, then applied."""
