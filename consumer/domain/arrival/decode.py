"""Decodes a Kafka record by the fast path, or by the thorough path if the fast one does not take the record."""

import gc

from consumer.domain.arrival.fast import fast
from consumer.domain.arrival.thorough import thorough
from consumer.domain.events import Decoded, Record
from consumer.domain.redaction import Redactor
from schemas.topics import Topics

_LONG_BYTES = 65_536


def decode(record: Record, topics: Topics, redactor: Redactor) -> Decoded:
    """What the record says, redacted, or why it is refused. Pure but for the redactor's key; never raises."""
    value = record.value
    if value is None or len(value) < _LONG_BYTES or not gc.isenabled():
        return fast(record, topics, redactor) or thorough(record, topics, redactor)
    # The cycle collector looks at every list of a long value several times, which takes longer than to read it. JSON
    # makes no cycles.
    gc.disable()
    try:
        return fast(record, topics, redactor) or thorough(record, topics, redactor)
    finally:
        gc.enable()
