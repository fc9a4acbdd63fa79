"""Planned replays in the tables: plans (what would change), replays (how far each has come)."""
