"""The relay: publishes the outbox exactly once for `read_committed` readers, and parks what a topic refuses.

Files in reading order: `ports` (rows, table, broker), `agreement` (whether Kafka and the table tell the same),
`parking` (what a topic refuses waits beside the others), `hanging` (what a broker has forgotten to end),
`published_lines` (what is logged), `loop`.
"""
