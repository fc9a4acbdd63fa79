"""From the input topics into the inbox.

Law: an offset is committed after the transaction that stored its record, never before. The files in reading order:
loop, membership (the consumer group), parts (how much is stored at once), backlog (when clocks of requests can start),
ports.
"""
