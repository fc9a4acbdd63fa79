"""Intake's membership in the consumer group: each call gives signs of life, and tells health what is stuck."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from consumer.domain.events import Record, TopicPartition
from consumer.errors import Transient
from consumer.flows.intake.ports import Lag, OpenTransaction, RecordSource
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import attended

BEAT_SECONDS = 1.0
CALL_STUCK_SECONDS = 90.0
"""A poll waits while the group is rebalanced, 60 s at most. After a longer wait the consumer is replaced."""
COMMIT_AGAIN_SECONDS = 1.0
"""How long after a failed commit it is made again, while no record arrives."""
NOT_A_MEMBER_SECONDS = 5.0
"""A rebalance is normal. A member that the group does not let in for longer is reported as stuck."""

LOOK_SECONDS = 30.0
"""Between two looks for open transactions, which last for a few seconds at most."""
STILL_SECONDS = 60.0
"""A partition that has not moved for longer, though there is more, is named (contract part 4)."""

T = TypeVar("T")


class Membership:
    """The record source as one member of the group. Remembers which offsets are committed."""

    def __init__(
        self, *, source: RecordSource, health: Health, meters: Meters, loop: str, clock: Callable[[], float]
    ) -> None:
        """`loop` is the name under which health expects signs of life."""
        self._source = source
        self._health = health
        self._meters = meters
        self._lags_at = self._reading_since = clock()
        self._paused = False
        self._is_reached = True
        self._still: frozenset[TopicPartition] = frozenset()
        self._open: Sequence[OpenTransaction] = ()
        self._looked_at = clock() - LOOK_SECONDS
        self._loop = loop
        self._clock = clock
        self._committed: Mapping[TopicPartition, int] = {}
        self._member_at = clock()
        self._commit_again_at = clock()

    async def poll(self, wait_ms: int) -> list[Record]:
        """The next records; empty after `wait_ms`. Reports positions that were lost. Raises Transient."""
        try:
            records = await self.alive(self._source.poll(wait_ms))
        except Transient:
            self._is_reached = False  # the ends that the brokers told of last are old
            raise
        self._is_reached = True
        await self._look_for_transactions()
        self._health.ok("poll")
        for lost in self._source.lost:
            self._health.failing("position", str(lost))
        self._source.lost.clear()
        return records

    async def _look_for_transactions(self) -> None:
        """Where partitions stand still, now and then: who holds a transaction open there."""
        if not self._still:
            self._open = ()
        elif self._clock() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = self._clock()
            with contextlib.suppress(Transient):
                self._open = await self.alive(self._source.open_transactions(self._still))

    def report(self) -> None:
        """Tells health whether the group has let this member in and whether reading moves, and meters the lags."""
        if self._clock() - self._lags_at >= BEAT_SECONDS:
            self._lags_at = self._clock()
            self._report_lags(self._source.lags())
        if self._source.is_member:
            self._member_at = self._clock()
            self._health.ok("group")
        elif self._clock() - self._member_at > NOT_A_MEMBER_SECONDS:
            self._health.failing("group", "the consumer is not a member of its group")

    def _report_lags(self, lags: Mapping[TopicPartition, Lag]) -> None:
        known = {(at.topic, str(at.partition)): lag for at, lag in lags.items() if self._is_reached}
        self._meters.replace(Meter.LAG_RECORDS, {at: lag.records for at, lag in known.items()})
        self._meters.replace(
            Meter.LAG_SECONDS, {at: lag.seconds for at, lag in known.items() if lag.seconds is not None}
        )
        reading = 0.0 if self._paused else self._clock() - self._reading_since
        still = {at: lag for at, lag in lags.items() if min(lag.still_seconds, reading) > STILL_SECONDS}
        self._still = frozenset(still)
        if still:
            partition, lag = max(still.items(), key=lambda entry: entry[1].still_seconds)
            longest = f"{partition} for {lag.still_seconds:.0f} s, {lag.records} records behind"
            holders = "".join(f"; {opened}" for opened in self._open if opened.partition in still)
            self._health.failing("partition", f"{len(still)} partitions stand still; {longest}{holders}")
        else:
            self._health.ok("partition")

    def positions(self) -> dict[TopicPartition, int]:
        """The offset that is read next, for each owned partition where it is known."""
        return self._source.positions()

    def has_moved(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Whether these positions differ from what was committed last; after a failed commit only a while later."""
        return positions != self._committed and self._clock() >= self._commit_again_at

    async def session_ends(self) -> dict[TopicPartition, int]:
        """The ends of all session topics. Raises Transient."""
        return await self.alive(self._source.session_ends())

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits those offsets that have moved. Raises Transient.

        Offsets that the broker has not taken still count as moved: they are committed later, also without new records.
        """
        moved = {partition: offset for partition, offset in offsets.items() if self._committed.get(partition) != offset}
        if await self.alive(self._source.commit(moved)):
            self._committed = offsets
        else:
            self._commit_again_at = self._clock() + COMMIT_AGAIN_SECONDS

    def pause(self) -> None:
        """Polls return nothing until `rewind`; the membership goes on."""
        self._paused = True
        self._source.pause()

    async def rewind(self) -> None:
        """Reading goes on at the committed offsets: what was read since then is read again. Raises Transient."""
        self._committed = {}
        self._paused = False
        self._reading_since = self._clock()
        await self.alive(self._source.resume())

    async def close(self) -> None:
        """Leaves the group. Bounded in time; never raises."""
        await self._source.close()

    async def alive(self, call: Awaitable[T]) -> T:
        """Awaits the call with signs of life: a loop that waits for a server does not stand still.

        Raises Transient when the call takes longer than `CALL_STUCK_SECONDS`. The source is closed first, for only then
        may a poll be cancelled.
        """
        since = self._clock()

        async def beat() -> None:
            self._health.beat(self._loop)
            if self._clock() - since > CALL_STUCK_SECONDS:
                await self._source.close()
                raise Transient("Kafka: a call did not return; a new consumer is made")

        return await attended(call, beat, every_seconds=BEAT_SECONDS)
