"""Which events of a batch are new: the first one of a version is taken, whatever else arrives for that version later.

Versions above a session's newest one need no look-up, which is nearly all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from consumer.domain.events import SessionEvent, SessionKey


class Head(NamedTuple):
    """What a session's row says of its events."""

    newest_version: int | None
    """None before the first event."""
    event_count: int
    """Also the last arrival number that was given out."""


class Slot(NamedTuple):
    """A version of a session: one event may have it."""

    key: SessionKey
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What becomes of a batch's events."""

    accepted: tuple[tuple[int, SessionEvent], ...]
    """With arrival numbers that continue those of the session, in the order of arrival."""
    heads: Mapping[SessionKey, Head]
    """Of the sessions that got something new, as they are now."""
    repeated: int
    """Accepted before: no-ops."""
    conflicting: tuple[SessionEvent, ...]
    """Their version belongs to another event, which stays."""


def to_look_up(heads: Mapping[SessionKey, Head], events: Iterable[SessionEvent]) -> frozenset[Slot]:
    """The slots that may be taken already."""
    asked = set()
    for event in events:
        newest = heads[event.key].newest_version
        if newest is not None and event.version <= newest:
            asked.add(Slot(event.key, event.version))
    return frozenset(asked)


def accept(heads: Mapping[SessionKey, Head], taken: Mapping[Slot, str], events: Sequence[SessionEvent]) -> Acceptance:
    """`events` in the order of arrival; `taken` holds the event ids that were found for `to_look_up`."""
    owners: dict[Slot, str] = dict(taken)
    now: dict[SessionKey, Head] = {}
    accepted: list[tuple[int, SessionEvent]] = []
    conflicting: list[SessionEvent] = []
    repeated = 0
    for event in events:
        slot = Slot(event.key, event.version)
        owner = owners.get(slot)
        if owner is None:
            owners[slot] = event.event_id
            newest, count = now.get(event.key) or heads[event.key]
            newest = event.version if newest is None or event.version > newest else newest
            now[event.key] = Head(newest, count + 1)
            accepted.append((count + 1, event))
        elif owner == event.event_id:
            repeated += 1
        else:
            conflicting.append(event)
    return Acceptance(accepted=tuple(accepted), heads=now, repeated=repeated, conflicting=tuple(conflicting))
