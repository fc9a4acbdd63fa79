"""Watches whether the store is the one it was: before anything is drafted or published, it is held against Kafka.

An offset is committed after its transaction. So a store whose positions are behind the committed offsets has lost
commits: it was restored, or a standby without them took over. A database that was started anew is looked at again, and
until then nobody uses it.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from consumer.domain.events import TopicPartition
from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import attended, rest
from consumer.flows.rebuild.ports import Rebuilt, RetainedTopics, StandingStore, Trusted
from schemas.topics import Topics

LOOP = "standing"
LOOK_SECONDS = 0.5
_SHOWN = 3

log = structlog.stdlib.get_logger("escalation.standing")


class Standing:
    """`run` returns after `stop`. `checked` is set once the store may be used for the first time."""

    def __init__(
        self,
        *,
        store: StandingStore,
        history: RetainedTopics,
        topics: Topics,
        group: str,
        trust: Trusted,
        catch_up: Callable[[], Awaitable[Rebuilt]],
        health: Health,
        meters: Meters,
    ) -> None:
        """`trust` is given the incarnation that was found whole."""
        self._store = store
        self._history = history
        self._topics = topics
        self._group = group
        self._trust = trust
        self._catch_up = catch_up
        self._health = health
        self._meters = meters
        self.checked = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._health.beat(LOOP)
            try:
                await attended(self._look(), self._beat, every_seconds=LOOK_SECONDS)
            except Transient as error:
                self._health.failing("standing", str(error))
            else:
                self._health.ok("standing")
            await rest(stop, LOOK_SECONDS)

    async def _beat(self) -> None:
        """Also while a server hangs or the store catches up."""
        self._health.beat(LOOP)

    async def _look(self) -> None:
        incarnation = await self._store.incarnation()
        if incarnation == self._trust.incarnation:
            return
        if behind := await self._behind():
            self._tell(behind)
            self._report(await self._catch_up())
        self._trust.incarnation = incarnation
        self.checked.set()

    async def _behind(self) -> dict[TopicPartition, tuple[int, int]]:
        """The partitions whose position in the store is behind the committed offset: both of them."""
        inputs = await self._history.spans((*self._topics.live, *self._topics.replay))
        committed = await self._history.committed(self._group, inputs)
        positions = await self._store.positions()
        behind = {
            partition: (positions.get(partition, 0), min(offset, inputs[partition].end))
            for partition, offset in committed.items()
        }
        short = {partition: (at, limit) for partition, (at, limit) in behind.items() if at < limit}
        return short or (behind if await self._store.is_incomplete() else {})

    def _tell(self, behind: dict[TopicPartition, tuple[int, int]]) -> None:
        shown = ", ".join(
            f"{partition} at {at}, not {limit}" for partition, (at, limit) in sorted(behind.items())[:_SHOWN]
        )
        records = sum(limit - at for at, limit in behind.values() if at < limit)
        self._health.failing("standing", f"the store has lost commits and catches up: {records} records ({shown})")
        self._meters.count(Meter.CATCH_UPS)
        log.error(
            "The store is behind the committed offsets, as after a restore: what it lost is read again.",
            event_name="store_behind",
            records=records,
            partitions=shown,
        )

    def _report(self, rebuilt: Rebuilt) -> None:
        log.warning(
            "The store has caught up: drafting and publishing go on.",
            event_name="store_caught_up",
            events=rebuilt.events,
            requests=rebuilt.requests,
            outcomes=rebuilt.outcomes,
            presumed=rebuilt.presumed,
        )
        for partition, count in sorted(rebuilt.lost.items()):
            self._health.failing(
                "position", f"{partition}: {count} records that the store lost are not retained any more"
            )
            log.error(
                "Records that the store lost have left their topic.",
                event_name="records_not_retained",
                topic=partition.topic,
                partition=partition.partition,
                records=count,
            )
