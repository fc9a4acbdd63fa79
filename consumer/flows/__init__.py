"""The loops: intake, drafting, relay. Each can die at any instruction and be started again.

Law: async and thin. A flow declares the ports it needs at the top of its own file, shaped by that need; it knows no
adapter, and no flow knows another: PostgreSQL's tables join them.
"""
