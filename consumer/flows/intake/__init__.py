"""From the input topics into the inbox.

Law: an offset is committed after the transaction that stored its record, never before. The files in reading order:
loop, membership (the consumer group), setting_aside (records that decoding stumbles over), suspicion (refusals that
may be the service's own fault), parts (how much is stored at once), backlog (when clocks of requests can start),
refusal_lines (what is logged of them), ports.
"""
