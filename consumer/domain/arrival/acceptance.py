"""Which events of a batch are new: the first one of a version is taken, whatever else arrives for that version later.

Versions above a session's newest one need no look-up, which is nearly all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from consumer.domain.events import SessionChange, SessionKey


class Head(NamedTuple):
    """What a session's row says of its events."""

    newest_version: int | None
    """None before the first event."""
    event_count: int
    """Also the last arrival number that was given out."""


Slot: TypeAlias = tuple[SessionKey, int]
"""A version of a session: one event may have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What becomes of a batch's events."""

    accepted: tuple[tuple[int, SessionChange], ...]
    """With arrival numbers that continue those of the session, in the order of arrival."""
    heads: Mapping[SessionKey, Head]
    """Of the sessions that got something new, as they are now."""
    repeated: int
    """Accepted before: no-ops."""
    conflicting: tuple[SessionChange, ...]
    """Their version belongs to another event, which stays."""


def to_look_up(heads: Mapping[SessionKey, Head], events: Iterable[SessionChange]) -> frozenset[Slot]:
    """The slots that may be taken already."""
    asked = set()
    for event in events:
        newest = heads[event.key].newest_version
        if newest is not None and event.version <= newest:
            asked.add((event.key, event.version))
    return frozenset(asked)


def accept(heads: Mapping[SessionKey, Head], taken: Mapping[Slot, str], events: Sequence[SessionChange]) -> Acceptance:
    """`events` in the order of arrival; `taken` holds the event ids that were found for `to_look_up`."""
    sessions: dict[SessionKey, _Growing] = {}
    for (key, version), event_id in taken.items():
        if key not in sessions:
            sessions[key] = _Growing(*heads[key])
        sessions[key].owners[version] = event_id
    accepted: list[tuple[int, SessionChange]] = []
    conflicting: list[SessionChange] = []
    repeated = 0
    for event in events:
        session = sessions.get(event.key)
        if session is None:
            session = sessions[event.key] = _Growing(*heads[event.key])
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
    grown = {key: Head(one.newest, one.count) for key, one in sessions.items() if one.count > heads[key].event_count}
    return Acceptance(accepted=tuple(accepted), heads=grown, repeated=repeated, conflicting=tuple(conflicting))


class _Growing:
    """A session while a batch is looked through."""

    __slots__ = ("count", "newest", "owners")

    def __init__(self, newest: int | None, count: int) -> None:
        self.newest = -1 if newest is None else newest
        self.count = count
        self.owners: dict[int, str] = {}
