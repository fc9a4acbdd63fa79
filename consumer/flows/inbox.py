"""The port of the inbox: the batches that intake and rebuild store, each in one transaction, and the result of each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from consumer.domain.events import Decoded, Refusal, TopicPartition


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Decoded records and positions that are stored in one transaction."""

    arrivals: tuple[Decoded, ...] = ()
    """In the order in which they were read."""
    positions: Mapping[TopicPartition, int] = field(default_factory=dict)
    """The offset that is read next, for every partition that this member owns, once this batch is stored."""
    ends: Mapping[TopicPartition, int] = field(default_factory=dict)
    """The end offsets of all partitions of the session topics, asked for after any requests of the batch were read."""
    look_at_backlog: bool = False
    """Whether to check which requests no longer wait for a backlog, so that their clocks start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """The result of storing a batch."""

    outcomes: Mapping[str, int]
    """Numbers of records: stored, repeated, dropped, requested, cancelled, refused, ignored."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Numbers of dead letters, by reason."""
    refusals: tuple[Refusal, ...] = ()
    """Those that are new: of a batch that is stored again there are none."""
    backlogged: bool | None = None
    """Whether requests wait for a backlog to be read; None if that was not checked."""

    def then(self, later: "StoredBatch") -> "StoredBatch":
        """Returns the result of two batches, stored one after the other."""
        return StoredBatch(
            outcomes=Counter(self.outcomes) + Counter(later.outcomes),
            refused=Counter(self.refused) + Counter(later.refused),
            refusals=self.refusals + later.refusals,
            backlogged=self.backlogged if later.backlogged is None else self.backlogged or later.backlogged,
        )


class Inbox(Protocol):
    """The tables that intake fills."""

    async def store(self, batch: Batch) -> StoredBatch:
        """Stores all of the batch or nothing. The same batch again changes nothing.

        Raises Transient while the database is away.
        """

    async def probe(self) -> None:
        """Raises Transient while nothing can be stored."""
