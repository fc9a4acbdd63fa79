"""The loops. Each can die at any instruction and be started again.

Law: async and thin; a flow states the ports that it needs, and knows no adapter and no other flow: PostgreSQL's tables
join them. Import contracts keep both. The flows: intake, drafting, relay, replay, forgetting, retention, rebuild. What
several use: inbox and cache (ports), operation (health, metrics, guarded tasks), pacing (how to wait).
"""
