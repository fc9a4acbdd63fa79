"""The size of what is stored at once: whole batches, and after a failure parts of them that grow again."""

from collections.abc import Iterator
from dataclasses import replace

from consumer.flows.inbox import Batch

SMALLEST_PART, LARGEST_PART = 50, 2000
"""Records. Beyond the larger number whole batches are tried again."""


class PartSize:
    """Cuts batches into parts after a failure. A batch that takes too long must not be tried as a whole for ever."""

    def __init__(self) -> None:
        self._records = 0
        """0: whole batches."""

    def cut(self, batch: Batch) -> Iterator[Batch]:
        """The batch in parts, in order. Only the last one holds its positions and its look at the backlog."""
        size, arrivals = self._records, batch.arrivals
        if not size or len(arrivals) <= size:
            yield batch
            return
        for at in range(0, len(arrivals) - size, size):
            yield replace(batch, arrivals=arrivals[at : at + size], positions={}, look_at_backlog=False)
        left = len(arrivals) % size or size
        yield replace(batch, arrivals=arrivals[-left:])

    def shrink(self) -> None:
        """After a failure: half the size."""
        self._records = max(SMALLEST_PART, (self._records or LARGEST_PART) // 2)

    def grow(self) -> None:
        """After a success: twice the size, and beyond the largest part whole batches."""
        self._records = self._records * 2 if self._records and self._records < LARGEST_PART else 0
