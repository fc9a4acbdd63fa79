"""Writes records to the input topics as an upstream service would, for `load` and the demo."""

import asyncio
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from consumer.errors import Permanent
from schemas.envelope import STRUCTURED_CONTENT_TYPE

FLUSH_SECONDS = 60.0
STOP_SECONDS = 5.0

_STRUCTURED = [("content-type", STRUCTURED_CONTENT_TYPE.encode())]


class TopicWriter:
    """Writes structured events. Once `flush` returns, all replicas have acknowledged the records written before.

    Entering and flushing raise aiokafka's errors while Kafka is unreachable.
    """

    def __init__(self, **connection: Any) -> None:
        self._producer = AIOKafkaProducer(
            **connection,
            enable_idempotence=True,  # a retry does not send a record twice
            compression_type="lz4",  # reading gzip would take three times as long
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
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)  # without a broker it would flush without end
        if not stopping.done():
            stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)

    async def write(self, topic: str, key: str, value: bytes | None) -> None:
        """Returns when the record is in the producer's buffer; blocks while the buffer is full.

        Raises Permanent for a record that no producer with the usual limits sends.
        """
        try:
            self._under_way.append(await self._producer.send(topic, value, key.encode(), headers=_STRUCTURED))
        except MessageSizeTooLargeError:
            raise Permanent(
                f"A record of {topic} with the key {key[:100]!r} is over 1 MiB, which Kafka does not take and the "
                "service would refuse as too_large."
            ) from None

    async def flush(self) -> None:
        """Waits for every record written so far. Raises the first error among them, TimeoutError after 60 s."""
        waiting, self._under_way = self._under_way, []
        async with asyncio.timeout(FLUSH_SECONDS):  # an idempotent producer retries without end
            await asyncio.gather(*waiting)
