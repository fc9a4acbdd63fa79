"""Sends sessions at a rate, whatever the broker does, until it is told to rest."""

import asyncio
import json
import random
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.soak.figures import Figures
from tests.soak.histories import Histories, History, topic_suffix
from tests.support.stage import Event, RawRecord, Stage

_TRY_AGAIN_SECONDS = 0.5
_MOST_AT_ONCE = 60
"""Sessions that are being told; beyond them the broker is away, and nobody begins another."""


class Load:
    """Its tasks end with `stop`."""

    def __init__(self, stage: Stage, histories: Histories, figures: Figures, *, seed: int, rate: float) -> None:
        self._stage = stage
        self._histories = histories
        self._figures = figures
        self._chance = random.Random(f"load/{seed}")
        self._rate = rate
        self._resting = asyncio.Event()
        self._resting.set()
        self._stopped = False
        self._telling: set[asyncio.Task[None]] = set()
        self._producer: AIOKafkaProducer | None = None

    async def run(self) -> None:
        while not self._stopped:
            if self._resting.is_set() or len(self._telling) >= _MOST_AT_ONCE:
                await asyncio.sleep(0.1)
                continue
            task = asyncio.create_task(self._tell(self._histories.next()), name="telling")
            self._telling.add(task)
            task.add_done_callback(self._ended)
            await asyncio.sleep(self._chance.expovariate(self._rate))

    def go_on(self) -> None:
        self._resting.clear()

    async def rest(self) -> None:
        """Begins no more sessions; returns when all that were begun are told."""
        self._resting.set()
        while self._telling:
            await asyncio.wait(self._telling)

    async def stop(self) -> None:
        self._stopped = True
        for task in list(self._telling):
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        if self._producer is not None:
            with suppress(KafkaError, OSError):
                await self._producer.stop()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._figures.complaints.append(f"the load itself failed: {error!r}")

    async def _tell(self, history: History) -> None:
        self._figures.sessions += 1
        for step in history.steps:
            await self.send(*(self._record(event, topic_suffix(step)) for event in step.events))
            self._count(step.events)
            if not self._resting.is_set():
                await asyncio.sleep(self._chance.uniform(0.1, 2.5))

    def _count(self, events: list[Event]) -> None:
        for event in events:
            if event["type"] == "escalation.requested.v1":
                name = (event["tenantid"], event["subject"], event["data"]["request_id"])
                self._figures.requested.add(name)

    def _record(self, event: Event, suffix: str) -> RawRecord:
        return self._stage.topic_of(event) + suffix, event["subject"].encode(), json.dumps(event).encode(), ()

    async def send(self, *records: RawRecord) -> None:
        """Returns when all are delivered. What nobody acknowledged is sent again, and may then stand twice."""
        left = list(records)
        while left:
            try:
                producer = await self._started()
                sent = [
                    await producer.send(topic, key=key, value=value, headers=list(headers))
                    for topic, key, value, headers in left
                ]
                results = await asyncio.gather(*sent, return_exceptions=True)
            except (KafkaError, OSError):
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
                continue
            left = [record for record, result in zip(left, results, strict=True) if isinstance(result, BaseException)]
            self._figures.records += len(records) - len(left)
            if left:
                await asyncio.sleep(_TRY_AGAIN_SECONDS)

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._stage.bootstrap_servers,
                compression_type="gzip",
                max_request_size=20_000_000,
                acks="all",
                request_timeout_ms=10_000,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            if self._producer is not None:  # another sender was quicker
                await producer.stop()
            else:
                self._producer = producer
        return self._producer
