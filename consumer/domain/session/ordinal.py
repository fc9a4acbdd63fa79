"""The order of a session's records: facts, scripts and fixes share one order."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

UNDATED = datetime.min.replace(tzinfo=UTC)
"""Stands for a missing time; sorts before every time."""


class RecordKind(IntEnum):
    """The kind of a record. It orders rows of one snapshot only where their times are equal or missing."""

    FACT = 0
    SCRIPT = 1
    FIX = 2


class Ordinal(NamedTuple):
    """The position of a record. Positions of all kinds sort together, oldest first.

    They sort by version, and within one snapshot by the times that `of_rows` gives.
    """

    version: int
    at: datetime
    """The time of a snapshot's row; `UNDATED` for a record of an event, which its version orders."""
    kind: RecordKind
    row: int
    """The index among the snapshot's rows of this kind; 0 for a record of an event."""


def of_event(version: int, kind: RecordKind) -> Ordinal:
    """The position of a record that came with its own event, not with a snapshot."""
    return Ordinal(version, UNDATED, kind, 0)


def of_rows(version: int, kind: RecordKind, times: Iterable[datetime | None]) -> list[Ordinal]:
    """The positions of a snapshot's rows of one kind, in the order of the rows.

    The order of the rows never changes: a row takes its predecessor's time where its own time is missing or older.
    """
    ordinals: list[Ordinal] = []
    at = UNDATED
    for index, time in enumerate(times):
        at = at if time is None else max(at, time)
        ordinals.append(Ordinal(version, at, kind, index))
    return ordinals
