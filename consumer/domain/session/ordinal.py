"""Where a record stands among the others of its session: the one order of facts, scripts and fixes."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

UNDATED = datetime.min.replace(tzinfo=UTC)


class RecordKind(IntEnum):
    """What stands there; the last resort among rows of one snapshot that say no time."""

    FACT = 0
    SCRIPT = 1
    FIX = 2


class Ordinal(NamedTuple):
    """Sorts oldest first, over kinds: by version, and among the rows of one snapshot as `of_rows` says."""

    version: int
    at: datetime
    """Only rows of a snapshot have a time here; versions order everything else."""
    kind: RecordKind
    row: int


def of_event(version: int, kind: RecordKind) -> Ordinal:
    return Ordinal(version, UNDATED, kind, 0)


def of_rows(version: int, kind: RecordKind, times: Iterable[datetime | None]) -> list[Ordinal]:
    """Places of a snapshot's rows of one kind, in their order.

    The order of the rows is never changed: a row without a time, or with one that is older than its predecessor's,
    stands at its predecessor's time.
    """
    places: list[Ordinal] = []
    at = UNDATED
    for index, time in enumerate(times):
        at = at if time is None else max(at, time)
        places.append(Ordinal(version, at, kind, index))
    return places
