"""The port of the inbox: what intake and rebuild hand over in one transaction, and what became of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from consumer.domain.events import Decoded, SessionKey, TopicPartition


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is stored in one transaction."""

    arrivals: tuple[Decoded, ...] = ()
    """In the order of reading."""
    positions: Mapping[TopicPartition, int] = field(default_factory=dict)
    """The offset that is read next, for every partition that this member owns, once this batch is stored."""
    ends: Mapping[TopicPartition, int] = field(default_factory=dict)
    """Of the session topics, all partitions; asked for when the batch holds requests, after they were read."""
    look_at_backlog: bool = False
    """Whether to see which requests' clocks can start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """What became of a batch."""

    outcomes: Mapping[str, int]
    """Records by what became of them: stored, repeated, dropped, requested, cancelled, refused, ignored."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Dead letters by reason."""
    erased: frozenset[SessionKey] = frozenset()
    """Sessions whose erasure stands in this batch: caches forget them."""
    swept: frozenset[SessionKey] = frozenset()
    """Sessions with drafts in which a value became known as secret: caches forget them, too."""
    backlogged: bool | None = None
    """Whether requests wait for a backlog to be read; None where nobody looked."""

    def then(self, later: "StoredBatch") -> "StoredBatch":
        """What became of two batches, one after the other."""
        return StoredBatch(
            outcomes=Counter(self.outcomes) + Counter(later.outcomes),
            refused=Counter(self.refused) + Counter(later.refused),
            erased=self.erased | later.erased,
            swept=self.swept | later.swept,
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
