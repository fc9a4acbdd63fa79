"""Pages about customer organisations: spend (what they cost), feedback (what they say), tenants (what they want)."""
