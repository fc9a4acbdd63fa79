"""Records that have to be refused, each of another kind, and legal ones that are slow to decode.

A header marks them: so the oracle knows them on the topic, also when a record was sent twice because nobody heard of
its delivery.
"""

import json
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from consumer.domain.arrival.limits import MAX_BYTES, MAX_DEPTH, MAX_PARAMETERS
from schemas.topics import REPLAY_SUFFIX, Topics
from tests.support import hostile
from tests.support.stage import RawRecord
from tests.support.wire import FACT, cancellation, change, request

MARK = "soak"
POISON = b"poison"
HOSTILE = b"hostile"
_SUBJECT = re.compile(rb'"subject":\s*"s1"')
_SIZES = (4_000, 60_000, 300_000, MAX_BYTES)

Make = Callable[[str], bytes | None]
"""A value whose subject is this session."""


def _value(event: Any, **_: Any) -> bytes:
    return json.dumps(event).encode()


def _nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def _script(parameters: Any) -> dict[str, Any]:
    return change("session.script_generated.v1", {"generation_id": "g", "parameters_used": parameters})


_PENDING = {"fix_id": "f", "status": "applied_pending"}
_OF_SESSIONS: Mapping[str, Make] = {
    "null": lambda _: None,
    "empty": lambda _: b"",
    "no JSON": lambda _: b"{ no JSON",
    "half a record": lambda session: _value(change(subject=session))[:-20],
    "a list": lambda _: b"[1, 2]",
    "a number": lambda _: b"7",
    "no text": lambda _: b"\xff\xfe\x00\x80",
    "no subject": lambda _: _value(change(subject=...)),
    "no id": lambda session: _value(change(subject=session, id=...)),
    "no time": lambda session: _value(change(subject=session, time=...)),
    "no version": lambda session: _value(change(subject=session, stateversion=...)),
    "a version that is no number": lambda session: _value(change(subject=session, stateversion="soon")),
    "a negative version": lambda session: _value(change(subject=session, stateversion=-1)),
    "a version too large": lambda session: _value(change(subject=session, stateversion=2**63)),
    "another specversion": lambda session: _value(change(subject=session, specversion="0.3")),
    "a local time": lambda session: _value(change(subject=session, time="2026-03-02T09:00:00")),
    "no data": lambda session: _value(change(subject=session, data=...)),
    "a blank fact": lambda session: _value(change(data={**FACT, "text": "  "}, subject=session)),
    "a fact without id": lambda session: _value(change(data={"text": "t", "source_type": "n"}, subject=session)),
    "pending without a reason": lambda session: _value(
        change("session.fix_outcome_recorded.v1", _PENDING, subject=session)
    ),
    "confidence 101": lambda session: _value(
        change(
            "session.fix_suggested.v1",
            {"fix_id": "f", "title": "t", "description": "d", "confidence_pct": 101},
            subject=session,
        )
    ),
    "a type of another topic": lambda session: _value(request(attributes={"subject": session})),
    "U+0000 in an id": lambda session: _value(change(subject=session, id="e\x001")),
    "too long a subject": lambda session: _value(change(subject=session + "x" * 200)),
    "XML": lambda session: _value(change(subject=session, datacontenttype="application/xml")),
    "too large": lambda session: _value(change(data={**FACT, "text": "x" * (MAX_BYTES + 9)}, subject=session)),
    "too deep": lambda session: _value({**_script({"p": _nested(MAX_DEPTH + 2)}), "subject": session}),
    "too many parameters": lambda session: _value(
        {**_script({f"p{n}": n for n in range(MAX_PARAMETERS + 1)}), "subject": session}
    ),
    "no finite number": lambda session: _value({**_script({"p": 1}), "subject": session}).replace(b": 1}", b": 1e999}"),
}
_OF_REQUESTS: Mapping[str, Make] = {
    "no JSON": lambda _: b"not JSON",
    "no request id": lambda session: _value({**request(), "data": {"reason": "why"}, "subject": session}),
    "priority 9": lambda session: _value(request(priority=9, attributes={"subject": session})),
    "a deadline of a second": lambda session: _value(request(deadline_seconds=1, attributes={"subject": session})),
    "a cancellation of nothing": lambda session: _value({**cancellation(subject=session), "data": {}}),
    "a session event": lambda session: _value(change(subject=session)),
}
_OF_FEEDBACK: Mapping[str, Make] = {
    "no JSON": lambda _: b"fine, thanks",
    "an unknown outcome": lambda session: _value(
        {
            **request(attributes={"subject": session}),
            "type": "escalation.package_feedback.v1",
            "data": {"package_id": "p", "outcome": "loved"},
        }
    ),
}


def poison(topics: Topics, chance: random.Random, number: int) -> tuple[str, RawRecord]:
    """A record of a random kind, and the kind."""
    session = f"poison-{number}"
    topic, kinds = chance.choice(
        [
            *[(topics.sessions, _OF_SESSIONS)] * 6,
            *[(topics.requests, _OF_REQUESTS)] * 2,
            (topics.sessions + REPLAY_SUFFIX, _OF_SESSIONS),
            (topics.requests + REPLAY_SUFFIX, _OF_REQUESTS),
            (topics.feedback, _OF_FEEDBACK),
        ]
    )
    kind = chance.choice(list(kinds))
    return kind, (topic, session.encode(), kinds[kind](session), ((MARK, POISON),))


def slow(topics: Topics, kinds: list[hostile.Kind], chance: random.Random, number: int) -> tuple[str, RawRecord]:
    """A record that is slow to decode, in a session of its own. Nearly all are legal."""
    kind = chance.choice(kinds)
    made = kind.make(chance.choice(_SIZES))
    session = f"hostile-{number}"
    value = _SUBJECT.sub(f'"subject":"{session}"'.encode(), made.value or b"", count=1)
    return kind.name, (topics.prefix + made.origin.topic, session.encode(), value, (*made.headers, (MARK, HOSTILE)))


def slow_kinds() -> list[hostile.Kind]:
    """Session events in structured mode: the oracle reads their envelope in the value."""
    made = ((kind, kind.make(_SIZES[0])) for kind in hostile.kinds())
    return [
        kind
        for kind, sample in made
        if not sample.headers
        and sample.origin.topic == "session-state-changed"
        and _SUBJECT.search(sample.value or b"")
    ]
