"""The escalation consumer: session events and requests in, handoff packages out.

Law: arrows go one way, `cli → app → adapters → flows → domain → schemas`; see DESIGN.md beside this file.
"""
