"""Sessions to send: real incidents where their data is at hand, and made ones with every turn that one can take."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.topics import REPLAY_SUFFIX
from tests.soak.tenants import Tenant
from tests.support import volvo
from tests.support.stage import Event, Story

REAL_SESSIONS = 150
_LONGEST = 40
"""Events of a real session that are sent, at most."""
SECRET = volvo.SECRET_STEM
_FATES = ("plain",) * 7 + ("conflict", "cancelled", "cancelled late", "cancelled early", "erased", "erased late")
_TEXTS = (
    "The mailbox opens in the browser.",
    "Ping to the gateway answers in 3 ms.",
    "The event log names error 0x80070005.",
    "The user sees the prompt after each restart.",
    "Ein zweites Konto meldet sich ohne Nachfrage an.",
    "The printer queue holds 41 documents.",
)
_DEADLINES = (5, 10, 20, 30)
"""Seconds. Half of it a request waits for a version or a session that never comes: so long a quiet phase may take."""
_OUTCOMES: tuple[tuple[str, dict[str, str]], ...] = (
    ("applied_failed", {"failure_reason": "the prompt came back"}),
    ("applied_partial", {"partial_notes": "two of five machines"}),
    ("applied_pending", {"pending_reason": "the full backup of tonight"}),
    ("applied_success", {}),
    ("dismissed", {}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Records that are sent together, in this order."""

    events: list[Event]
    replayed: bool = False
    """To the topic for replays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One session, step by step; between two steps time passes."""

    session_id: str
    steps: list[Step] = field(default_factory=list)


class Histories:
    """An endless supply, the same for the same seed."""

    def __init__(self, seed: int, tenants: list[Tenant]) -> None:
        self._chance = random.Random(f"histories/{seed}")
        self._tenants = tenants
        self._real = _real_sessions(seed)
        self._number = 0

    @property
    def are_real(self) -> bool:
        return bool(self._real)

    def next(self) -> History:
        self._number += 1
        tenant = self._chance.choice(self._tenants)
        if self._real and self._chance.random() < 0.25:
            return self._incident(tenant)
        return self._made(tenant)

    def _incident(self, tenant: Tenant) -> History:
        session_id = f"real-{self._number}"
        events = []
        for event in self._chance.choice(self._real):
            data = dict(event["data"])
            if event["type"] == "escalation.requested.v1":
                data["deadline_seconds"] = self._chance.choice(_DEADLINES)
            if "title" in data:
                data["title"] = f"{tenant.tag} {data['title'] or ''}"
            events.append({**event, "subject": session_id, "tenantid": tenant.tenant_id, "data": data})
        return History(session_id=session_id, steps=list(self._in_steps(events)))

    def _in_steps(self, events: list[Event]) -> Iterator[Step]:
        """In pieces, some of them out of order or twice."""
        left = list(events)
        while left:
            size = self._chance.randint(1, 8)
            piece, left = left[:size], left[size:]
            if self._chance.random() < 0.15:
                self._chance.shuffle(piece)
            if self._chance.random() < 0.1:
                piece += self._chance.sample(piece, 1)
            yield Step(events=piece)

    def _made(self, tenant: Tenant) -> History:
        chance = self._chance
        story = Story(f"made-{self._number}", tenant_id=tenant.tenant_id)
        fate = chance.choice(_FATES)
        ticket = {"psa_ticket": {"system": "connectwise", "ticket_id": str(chance.randrange(10_000))}}
        first = [story.opened(f"{tenant.tag} {self._number}", **(ticket if chance.random() < 0.6 else {}))]
        first += [self._fact(story) for _ in range(chance.randint(0, 4))]
        first += [story.fix(confidence_pct=chance.randint(30, 95)), *self._perhaps(self._outcome(story))]
        first += self._perhaps(self._script(story))
        request = self._request(story, "r1")
        early = [story.cancel("r1")] if fate == "cancelled early" else []
        if fate == "conflict":
            first += [{**first[0], "id": f"{first[0]['id']}-rival"}]
        if chance.random() < 0.2 and fate != "conflict":
            chance.shuffle(first)
        steps = [Step(events=[*early, *first]), Step(events=[request])]
        if chance.random() < 0.2:
            steps.reverse()  # the request is there before the session
        steps += self._later(story, fate, request)
        return History(session_id=story.session_id, steps=steps)

    def _later(self, story: Story, fate: str, request: Event) -> Iterator[Step]:
        chance = self._chance
        erased = Step(events=[story.event("session.erased.v1")])
        match fate:
            case "cancelled":
                yield Step(events=[story.cancel("r1")])
            case "erased":
                yield erased
        if chance.random() < 0.5:
            yield Step(events=[self._fact(story), *self._perhaps(self._outcome(story))])
        if chance.random() < 0.3:
            yield Step(events=[self._request(story, "r2")])
        if chance.random() < 0.15:
            yield Step(events=[request])
        if chance.random() < 0.15:
            yield Step(events=[{**request, "replayid": f"again-{chance.randrange(3)}"}], replayed=True)
        match fate:
            case "cancelled late":
                yield Step(events=[story.cancel("r1")])
            case "erased late":
                yield erased
                if chance.random() < 0.5:
                    yield Step(events=[self._fact(story), self._request(story, "r3")])
            case _:
                yield Step(events=self._perhaps(story.event("session.closed.v1", {"resolution": "moved on"})))

    def _perhaps(self, event: Event) -> list[Event]:
        return [event] if self._chance.random() < 0.5 else []

    def _fact(self, story: Story) -> Event:
        kind = self._chance.choice(["diagnostic_check", "user_report", "engineer_observation"])
        return story.fact(self._chance.choice(_TEXTS), source_type=kind)

    def _outcome(self, story: Story) -> Event:
        status, texts = self._chance.choice(_OUTCOMES)
        return story.outcome(status, **texts)

    def _script(self, story: Story) -> Event:
        schema = {"parameters": [{"key": "pass", "field_type": "password"}]}
        used = {"pass": f"{SECRET}{self._chance.getrandbits(32):x}", "user": "m.weber"}
        template = {"name": "Reset the account", "slug": "reset", "parameters_schema": schema}
        return story.event(
            "session.script_generated.v1",
            {"generation_id": f"g{story.version}", "template": template, "parameters_used": used},
        )

    def _request(self, story: Story, request_id: str) -> Event:
        chance = self._chance
        fields: dict[str, Any] = {"state_version": story.version} if chance.random() < 0.7 else {}
        if chance.random() < 0.3:
            fields["priority"] = chance.randint(1, 4)
        fields["deadline_seconds"] = chance.choice(_DEADLINES)
        if chance.random() < 0.1:
            fields["force"] = True
        return story.request(request_id, **fields)


def _real_sessions(seed: int) -> list[list[Event]]:
    """None where the data is not at hand."""
    try:
        stream = volvo.stream("--limit-sessions", str(REAL_SESSIONS), "--gaps", "0.2", "--seed", str(seed))
    except pytest.skip.Exception:
        return []
    sessions: dict[str, list[Event]] = {}
    for record in stream.records():
        sessions.setdefault(record["key"], []).append(json.loads(json.dumps(record["value"])))
    return [events[:_LONGEST] for events in sessions.values()]


def topic_suffix(step: Step) -> str:
    return REPLAY_SUFFIX if step.replayed else ""
