"""Writing records to the input topics, as an upstream service would: the loader and the demo."""

import asyncio
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from schemas.envelope import STRUCTURED_CONTENT_TYPE

FLUSH_SECONDS = 60.0
STOP_SECONDS = 5.0

_STRUCTURED = [("content-type", STRUCTURED_CONTENT_TYPE.encode())]


class TopicWriter:
    """Writes structured events; what was written is acknowledged by all replicas once `flush` returns.

    Entering and flushing raise aiokafka's errors when Kafka is away.
    """

    def __init__(self, **connection: Any) -> None:
        self._producer = AIOKafkaProducer(
            **connection,
            enable_idempotence=True,  # a retry does not send a record twice
            compression_type="lz4",  # as gzip it would take the readers three times as long
            linger_ms=5,
        )
        self._under_way: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopping = asyncio.create_task(self._producer.stop(), name="kafka-writer-stop")
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)  # it would flush for ever without a broker
        if not stopping.done():
            stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)

    async def write(self, topic: str, key: str, value: bytes | None) -> None:
        """Returns when the record is under way; blocks while the producer's buffer is full."""
        self._under_way.append(await self._producer.send(topic, value, key.encode(), headers=_STRUCTURED))

    async def flush(self) -> None:
        """Waits for every record written so far; raises the first error among them, TimeoutError after a minute."""
        waiting, self._under_way = self._under_way, []
        async with asyncio.timeout(FLUSH_SECONDS):  # an idempotent producer would try for ever
            await asyncio.gather(*waiting)
