"""A session as its texts tell it, played through in any order, and what has to be stored of it in the end."""

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
    """What is stored of a session, by the names of its events: the store's part is played by a dictionary."""

    def __init__(self) -> None:
        self.known: dict[str, KnownSecret] = {}
        self.texts: dict[int, str] = {}

    def take(self, batch: Mapping[int, Event]) -> None:
        """As the inbox does: the door for each event, then what was found, then what is stored, then what came."""
        found: dict[str, FoundSecret] = {}
        came: dict[int, str] = {}
        for name, event in batch.items():
            door = scope()
            if isinstance(event, Marked):
                door.parameters(MARKED, {"p": event.value})
            else:
                came[name] = door.text(event)
            found |= {secret.identity: secret for secret in door.found_secrets()}
        learned = scope().learn(self.known, found)
        if learned.fresh:
            self.texts = {name: learned.stored.text(text) for name, text in self.texts.items()}
        self.known |= {secret.identity: stored(secret) for secret in learned.fresh}
        self.texts |= {name: learned.arriving.text(text) for name, text in came.items()}


def stored(secret: KnownSecret) -> KnownSecret:
    """As it comes back from its row."""
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
    """Everything that is to be removed, found the slow way; of equal places one."""
    return sorted(
        {
            Occurrence(found.start(), found.start() + len(spelling), value)
            for value in values
            for spelling in set(spellings([value]))
            for found in re.finditer(f"(?={re.escape(spelling)})", text)
        },
        key=lambda one: (one.start, -one.stop),
    )


def are_nested(places: list[Occurrence]) -> bool:
    """Each two apart or one within the other, and no place belongs to two values."""
    for at, one in enumerate(places):
        for other in places[at + 1 :]:
            if other.start >= one.stop:
                break
            if other.stop > one.stop or (other[:2] == one[:2] and other.value != one.value):
                return False
    return True


def cleaned(text: str, values: Iterable[str]) -> str:
    """The text as it has to be stored in the end."""
    parts: list[str] = []
    end = 0
    for start, stop, value in occurrences(text, values):
        if start >= end:
            parts += text[end:start], placeholder(value)
            end = stop
    return "".join([*parts, text[end:]])
