"""Decodes a record that the service may stumble over, and sets it aside if it does."""

import json

import structlog

from consumer.domain.arrival import deadletters
from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Origin, Record
from consumer.domain.redaction import Redactor
from schemas.topics import Topics

_SOUND = {
    "specversion": "1.0",
    "id": "1",
    "source": "/escalation-consumer",
    "type": "session.fact_recorded.v1",
    "subject": "a sound session",
    "time": "2026-01-01T00:00:00Z",
    "stateversion": 1,
    "data": {"fact_id": "1", "text": "The queue is long.", "source_type": "user_report"},
}

log = structlog.stdlib.get_logger("escalation.intake")


def decode_alone(record: Record, topics: Topics, redactor: Redactor) -> Decoded:
    """As `decode`; where that raises, the record becomes a refusal.

    Hazard: a panic of a native library is no Exception, and would end the loop in silence.
    """
    try:
        return decode(record, topics, redactor)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # whatever it is, the next record may be sound
        log.exception(
            "Decoding stumbled over a record; it is set aside.",
            event_name="record_set_aside",
            topic=record.origin.topic,
            partition=record.origin.partition,
            offset=record.origin.offset,
        )
        return Decoded(deadletters.refusal_by_fault(record, error), record.key)


def decode_sound(topics: Topics, redactor: Redactor) -> Decoded:
    """Decodes a record that every sound release can take. Raises whatever any record would meet."""
    origin = Origin(topics.sessions, partition=-1, offset=-1)
    return decode(Record(origin=origin, key=b"sound", value=json.dumps(_SOUND).encode(), headers=()), topics, redactor)
