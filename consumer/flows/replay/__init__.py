"""Packages made again on purpose: planning (what would change, what it costs), applying (little by little)."""
