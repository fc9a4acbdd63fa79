"""A reader of committed outcomes that lives through the whole run, as the PSA sync does. It must see nothing twice."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.soak.figures import Figures
from tests.support.stage import Stage

_REMEMBERED = 200
_AGAIN_SECONDS = 0.5


class Stream:
    """`run` ends when it is cancelled. Its places are in memory, so that a lost broker makes it read on, not again."""

    def __init__(self, stage: Stage, figures: Figures) -> None:
        self._stage = stage
        self._figures = figures
        self._places: dict[TopicPartition, int] = {}
        self._seen: set[str] = set()

    async def run(self) -> None:
        while True:
            with suppress(KafkaError, OSError):
                await self._read_on()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _read_on(self) -> None:
        topics = self._stage.topics
        consumer = AIOKafkaConsumer(
            topics.ready,
            topics.failed,
            bootstrap_servers=self._stage.bootstrap_servers,
            group_id=None,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            for partition, place in self._places.items():
                consumer.seek(partition, place)
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=500)).items():
                    for record in records:
                        self._note(json.loads(record.value))
                        self._places[partition] = record.offset + 1
        finally:
            await consumer.stop()

    def _note(self, event: dict[str, Any]) -> None:
        figures, data = self._figures, event["data"]
        if event["id"] in self._seen:
            figures.twice.append(event["id"])
        self._seen.add(event["id"])
        figures.answered.add((data["tenant_id"], data["session_id"], data["request_id"]))
        figures.outcomes[data.get("status") or data.get("reason", "?")] += 1
        if "package_id" in data:
            figures.packages = [*figures.packages[-_REMEMBERED:], {name: data[name] for name in _NAMES}]


_NAMES = ("package_id", "session_id", "tenant_id", "request_id")
