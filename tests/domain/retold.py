"""Plays the texts of a session in any order, and computes what must be stored in the end."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from consumer.domain.redaction import FoundSecret, KnownSecret, Redactor, Scope
from consumer.domain.redaction.forms import spellings

MARKED = {"parameters": [{"key": "p", "field_type": "password"}]}


def scope() -> Scope:
    return Redactor(b"k" * 32).scope("tenant", "session")


@dataclass(frozen=True, slots=True)
class Marked:
    """An event that makes a value known."""

    value: str


Event = str | Marked


class Session:
    """The stored texts and secrets of a session. Dictionaries stand in for the store."""

    def __init__(self) -> None:
        self.known: dict[str, KnownSecret] = {}
        self.texts: dict[int, str] = {}

    def take(self, batch: Mapping[int, Event]) -> None:
        """As the inbox does: redacts each event, learns its secrets, sweeps stored texts, then arriving ones."""
        secrets: dict[str, FoundSecret] = {}
        came: dict[int, str] = {}
        for name, event in batch.items():
            door = scope()
            if isinstance(event, Marked):
                door.parameters(MARKED, {"p": event.value})
            else:
                came[name] = door.text(event)
            secrets |= {secret.identity: secret for secret in door.found_secrets()}
        learned = scope().learn(self.known, secrets)
        if learned.fresh:
            self.texts = {name: learned.stored.text(text) for name, text in self.texts.items()}
        self.known |= {secret.identity: stored(secret) for secret in learned.fresh}
        self.texts |= {name: learned.arriving.text(text) for name, text in came.items()}


def stored(secret: KnownSecret) -> KnownSecret:
    """As read back from its row."""
    return KnownSecret.unpacked(secret.kind, secret.identity, secret.packed_forms())


def after(batches: Iterable[Mapping[int, Event]]) -> dict[int, str]:
    session = Session()
    for batch in batches:
        session.take(batch)
    return session.texts


def one_by_one(*events: Event) -> list[str]:
    """The texts in the order in which they came."""
    return list(after({name: event} for name, event in enumerate(events)).values())


def placeholder(value: str, kind: str = "secret") -> str:
    door = scope()
    door.parameters(MARKED, {"p": value})
    return f"[REDACTED:{kind}:{door.found_secrets()[0].identity}]"


class Occurrence(NamedTuple):
    start: int
    stop: int
    value: str


def occurrences(text: str, values: Iterable[str]) -> list[Occurrence]:
    """Everything to remove, found the slow way. Equal places count once."""
    return sorted(
        {
            Occurrence(match.start(), match.start() + len(spelling), value)
            for value in values
            for spelling in set(spellings([value]))
            for match in re.finditer(f"(?={re.escape(spelling)})", text)
        },
        key=lambda occurrence: (occurrence.start, -occurrence.stop),
    )


def are_nested(places: list[Occurrence]) -> bool:
    """Whether any two places are apart or nested and none belongs to two values."""
    for at, occurrence in enumerate(places):
        for later in places[at + 1 :]:
            if later.start >= occurrence.stop:
                break
            if later.stop > occurrence.stop or (later[:2] == occurrence[:2] and later.value != occurrence.value):
                return False
    return True


def cleaned(text: str, values: Iterable[str]) -> str:
    """The text that must be stored in the end."""
    parts: list[str] = []
    end = 0
    for start, stop, value in occurrences(text, values):
        if start >= end:
            parts += text[end:start], placeholder(value)
            end = stop
    return "".join([*parts, text[end:]])
