"""Reads sessions from JSON lines. The lines pass the same gate as records from Kafka: decode, redact, accept, fold.

A line is either what the command `load` takes, ``{"topic", "key", "value"}``, or a single CloudEvent.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from consumer.domain.arrival import acceptance, door, stored
from consumer.domain.arrival.acceptance import Head
from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Origin, Record, Refusal, Request, SessionChange, SessionEvent, SessionKey
from consumer.domain.redaction import FoundSecret, Redactor, Sweeper
from consumer.domain.session.session import Session, fold
from schemas.escalations import ESCALATION_TYPES
from schemas.topics import REQUESTS, SESSIONS, Topics

_TOPICS = Topics()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One session, folded from the lines of a file."""

    session: Session
    reason: str | None
    """The reason of the session's last request; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """The sessions of a file, and its refused lines."""

    sessions: Mapping[SessionKey, Recording]
    """In the order of each session's first event. A session without an event is left out."""
    refused: tuple[str, ...]
    """One text for each line that the service would not accept: the line's number and what is wrong."""


def read_recordings(lines: Iterable[str], redactor: Redactor) -> Recordings:
    """Decodes, redacts, accepts and folds the lines. Never raises because of what a line holds.

    A secret that a late line reveals is also removed from the lines before it.
    """
    results = [_decoded(number, line, redactor) for number, line in enumerate(lines, start=1) if line.strip()]
    refused = [result for result in results if isinstance(result, str)]
    known: defaultdict[SessionKey, dict[str, FoundSecret]] = defaultdict(dict)
    events: list[SessionChange] = []
    requests: dict[SessionKey, Request] = {}
    for result in results:
        match result:
            case Decoded(arrival=SessionChange() as event, known=secrets):
                events.append(event)
                known[event.key].update({secret.identity: secret for secret in secrets})
            case Decoded(arrival=Request() as request, known=secrets):
                requests[request.key.session] = request
                known[request.key.session].update({secret.identity: secret for secret in secrets})
            case Decoded(arrival=Refusal() as refusal):
                refused.append(f"line {refusal.origin.offset}: {refusal.error}")
            case _:
                pass
    taken = acceptance.accept(defaultdict(lambda: Head(None, 0)), {}, events)
    refused += [f"line {event.origin.offset}: its version belongs to another event" for event in taken.conflicting]
    sweepers = {key: redactor.scope(*key).learn({}, secrets).arriving for key, secrets in known.items()}
    by_session: defaultdict[SessionKey, list[SessionEvent]] = defaultdict(list)
    for _, event in taken.accepted:
        by_session[event.key].append(_swept(event, sweepers[event.key]))
    return Recordings(
        sessions={
            key: Recording(session=fold(key, history), reason=_reason(requests.get(key), sweepers[key]))
            for key, history in by_session.items()
        },
        refused=tuple(refused),
    )


def _decoded(number: int, line: str, redactor: Redactor) -> Decoded | str:
    """Decodes one line. Returns the refusal as a text where the line is no record of an input topic."""
    try:
        raw: JsonValue = json.loads(line)
    except (ValueError, RecursionError):
        return f"line {number}: not JSON"
    if not isinstance(raw, dict):
        return f"line {number}: not an object"
    if "topic" not in raw:
        raw = {"topic": REQUESTS if raw.get("type") in ESCALATION_TYPES else SESSIONS, "value": raw}
    topic = raw["topic"]
    if not isinstance(topic, str) or topic not in {*_TOPICS.live, *_TOPICS.replay}:
        return f"line {number}: topic: not one of the input topics"
    value = json.dumps(raw.get("value")).encode()
    return decode(Record(origin=Origin(topic, 0, number), key=None, value=value), _TOPICS, redactor)


def _swept(event: SessionChange, sweeper: Sweeper) -> SessionEvent:
    return stored.event_of(event._replace(data=event.data and door.swept_data(sweeper, event.data)))


def _reason(request: Request | None, sweeper: Sweeper) -> str | None:
    return None if request is None or request.reason is None else sweeper.text(request.reason)
