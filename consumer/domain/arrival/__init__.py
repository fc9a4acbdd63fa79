"""From the bytes of a record to a change, a request or a refusal.

Law: acceptance never depends on the state of a session, and no secret passes the door. decode is `fast(record)` or else
`thorough(record)`, with equal results. The files in reading order: decode, fast, fast_types, fast_data, fast_scripts,
thorough, envelope, limits, door, storable, stored, acceptance (which events of a batch are new), deadletters.
"""
