"""What every loop reports to: health, meters, watch (looks at the tables), guard (owns the loops)."""
