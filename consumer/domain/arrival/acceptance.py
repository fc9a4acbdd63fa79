"""Decides which events of a batch are new. The first event of a version is accepted; later ones are not.

Nearly all events have a version above the newest one of their session. Only the others need a look-up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from consumer.domain.events import SessionChange, SessionKey


class Head(NamedTuple):
    """The newest version and the number of accepted events of a session, from its row."""

    newest_version: int | None
    """None before the first event."""
    event_count: int
    """It is also the last arrival number that was given out."""


Slot: TypeAlias = tuple[SessionKey, int]
"""A version of a session. Only one event may have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The result for the events of a batch."""

    accepted: tuple[tuple[int, SessionChange], ...]
    """The new events in the order of arrival, with arrival numbers that continue those of their session."""
    heads: Mapping[SessionKey, Head]
    """The new heads of the sessions that have an accepted event."""
    repeated: int
    """The number of events that were accepted before: no-ops."""
    conflicting: tuple[SessionChange, ...]
    """Events whose version belongs to another event, which stays."""


def to_look_up(heads: Mapping[SessionKey, Head], events: Iterable[SessionChange]) -> frozenset[Slot]:
    """The slots of these events that may be taken already."""
    asked = set()
    for event in events:
        newest = heads[event.key].newest_version
        if newest is not None and event.version <= newest:
            asked.add((event.key, event.version))
    return frozenset(asked)


def accept(heads: Mapping[SessionKey, Head], taken: Mapping[Slot, str], events: Sequence[SessionChange]) -> Acceptance:
    """Accepts what is new of `events`, in the order of arrival. `taken` are the event ids found for `to_look_up`."""
    sessions: dict[SessionKey, _GrowingSession] = {}
    for (key, version), event_id in taken.items():
        if key not in sessions:
            sessions[key] = _GrowingSession(*heads[key])
        sessions[key].owners[version] = event_id
    accepted: list[tuple[int, SessionChange]] = []
    conflicting: list[SessionChange] = []
    repeated = 0
    for event in events:
        session = sessions.get(event.key)
        if session is None:
            session = sessions[event.key] = _GrowingSession(*heads[event.key])
        version = event.version
        owner = session.owners.get(version)
        if owner is None:
            session.owners[version] = event.event_id
            session.count += 1
            session.newest = max(session.newest, version)
            accepted.append((session.count, event))
        elif owner == event.event_id:
            repeated += 1
        else:
            conflicting.append(event)
    grown = {
        key: Head(session.newest, session.count)
        for key, session in sessions.items()
        if session.count > heads[key].event_count
    }
    return Acceptance(accepted=tuple(accepted), heads=grown, repeated=repeated, conflicting=tuple(conflicting))


class _GrowingSession:
    """A session while the events of a batch are accepted."""

    __slots__ = ("count", "newest", "owners")

    def __init__(self, newest: int | None, count: int) -> None:
        self.newest = -1 if newest is None else newest
        self.count = count
        self.owners: dict[int, str] = {}
