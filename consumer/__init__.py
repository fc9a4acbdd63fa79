"""The escalation consumer: session events and requests in, handoff packages out.

Law: arrows go one way, `cli → service → wiring → adapters → flows → domain → schemas`; DESIGN.md beside this file says
where each rule lives. Known to all: errors, environment, settings, logs.
"""
