"""Commands about customer organisations: policy (what they want), spend (what they cost), feedback (what they say)."""
