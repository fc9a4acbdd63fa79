"""Which events of a batch are new: the first one of a version is taken, whatever else arrives for that version later.

Versions above a session's newest one need no look-up, which is nearly all of them.
"""

from collections import defaultdict
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
    owners: defaultdict[SessionKey, dict[int, str]] = defaultdict(dict)
    for (key, version), event_id in taken.items():
        owners[key][version] = event_id
    now: dict[SessionKey, Head] = {}
    accepted: list[tuple[int, SessionChange]] = []
    conflicting: list[SessionChange] = []
    repeated = 0
    for event in events:
        key, version = event.key, event.version
        of_session = owners[key]
        owner = of_session.get(version)
        if owner is None:
            of_session[version] = event.event_id
            newest, count = now.get(key) or heads[key]
            count += 1
            now[key] = Head(version if newest is None or version > newest else newest, count)
            accepted.append((count, event))
        elif owner == event.event_id:
            repeated += 1
        else:
            conflicting.append(event)
    return Acceptance(accepted=tuple(accepted), heads=now, repeated=repeated, conflicting=tuple(conflicting))
