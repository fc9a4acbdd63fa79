"""Writing records to the input topics, as an upstream service would: the loader and the demo."""

import asyncio
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from schemas.envelope import STRUCTURED_CONTENT_TYPE

_STRUCTURED = [("content-type", STRUCTURED_CONTENT_TYPE.encode())]


class TopicWriter:
    """Writes structured events; what was written is acknowledged by all replicas once `flush` returns.

    Entering and flushing raise aiokafka's errors when Kafka is away.
    """

    def __init__(self, **connection: Any) -> None:
        self._producer = AIOKafkaProducer(**connection, acks="all", compression_type="gzip", linger_ms=5)
        self._under_way: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def write(self, topic: str, key: str, value: bytes | None) -> None:
        """Returns when the record is under way; blocks while the producer's buffer is full."""
        self._under_way.append(await self._producer.send(topic, value, key.encode(), headers=_STRUCTURED))

    async def flush(self) -> None:
        """Waits for every record written so far; raises the first error among them."""
        waiting, self._under_way = self._under_way, []
        await asyncio.gather(*waiting)
