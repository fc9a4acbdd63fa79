"""Pages about customer organisations: spend (what they cost), feedback (what they say), tenants (what they want).

The module ranges reads the time that such a page is about.
"""
