"""Decodes a Kafka record by the fast path, or by the thorough path if the fast one does not take the record."""

from consumer.domain.arrival.fast import fast
from consumer.domain.arrival.thorough import thorough
from consumer.domain.events import Decoded, Record
from consumer.domain.redaction import Redactor
from schemas.topics import Topics


def decode(record: Record, topics: Topics, redactor: Redactor) -> Decoded:
    """What the record says, redacted, or why it is refused. Pure but for the redactor's key; never raises."""
    return fast(record, topics, redactor) or thorough(record, topics, redactor)
