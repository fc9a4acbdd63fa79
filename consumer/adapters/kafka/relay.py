"""The relay's Kafka producer: transactions in which every wait has a limit.

aiokafka's producer retries without end and its `stop()` flushes first, so without a broker neither returns by itself.
A step that exceeds its limit or fails raises BrokerAway: its result is unknown, and the producer must be discarded.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from consumer.flows.relay import BrokerAway, Identity, OutboxRow, Publisher, content_digest

FENCE_SECONDS = 10.0
READ_SECONDS = 10.0
DISCARD_SECONDS = 3.0
COORDINATOR_PAUSE_SECONDS = 0.1
LARGEST_REQUEST_BYTES = 1_000_000  # the broker's own bound for a batch is 1,048,588 with its default settings
BATCH_BYTES = 256 * 1024  # each partition has one batch in flight at a time, so small batches make large events slow
_SHARE_OF_TRANSACTION = 0.8  # the producer gives up before the broker does


class KafkaBroker:
    """Implements the port `Broker`. `connection` holds the keyword arguments of every client: addresses, security."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        transactional_id: str,
        group: str,
        marker_topic: str,
        transaction_seconds: float,
    ) -> None:
        self._connection = connection
        self._transactional_id = transactional_id
        self._group = group
        self._marker = TopicPartition(marker_topic, 0)
        self._transaction_seconds = transaction_seconds

    async def fence(self) -> Publisher:
        producer = AIOKafkaProducer(
            **self._connection,
            transactional_id=self._transactional_id,
            transaction_timeout_ms=int(self._transaction_seconds * 1000),
            request_timeout_ms=int(self._transaction_seconds * _SHARE_OF_TRANSACTION * 1000),
            compression_type="gzip",
            max_request_size=LARGEST_REQUEST_BYTES,
            max_batch_size=BATCH_BYTES,
            linger_ms=5,
        )
        publisher = KafkaPublisher(
            producer,
            self._connection,
            group=self._group,
            marker=self._marker,
            publish_seconds=self._transaction_seconds * _SHARE_OF_TRANSACTION,
        )
        try:
            async with _bounded("start a transactional producer", FENCE_SECONDS):
                await producer.start()
        except BaseException:
            await publisher.discard()
            raise
        return publisher


class KafkaPublisher:
    """Implements the port `Publisher` with the started producer of one term of leadership."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        connection: Mapping[str, Any],
        *,
        group: str,
        marker: TopicPartition,
        publish_seconds: float,
    ) -> None:
        self._producer = producer
        self._connection = connection
        self._group = group
        self._marker = marker
        self._publish_seconds = publish_seconds

    async def position(self) -> int | None:
        admin = AIOKafkaAdminClient(**self._connection, request_timeout_ms=int(READ_SECONDS * 1000))
        try:
            async with _bounded("read the relay's position", READ_SECONDS):
                await admin.start()
                committed = await self._read(admin)
        finally:
            await _quietly(admin.close())
        return None if committed.offset < 0 else int(committed.offset)

    async def _read(self, admin: AIOKafkaAdminClient) -> OffsetAndMetadata:
        """Asks until the group's coordinator answers: on a cluster's first use of groups it is not there yet.

        Hazard: while the coordinator loads, the client swallows the broker's error and returns no entry at all. That
        must never be taken for "nothing was published".
        """
        while True:
            try:
                answer: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(
                    self._group, partitions=[self._marker]
                )
            except KafkaError as error:
                if not error.retriable:
                    raise
            else:
                if self._marker in answer:
                    return answer[self._marker]
            await asyncio.sleep(COORDINATOR_PAUSE_SECONDS)

    async def publish(self, rows: Sequence[OutboxRow], position: int) -> None:
        async with _bounded(f"publish {len(rows)} events", self._publish_seconds):
            await self._producer.begin_transaction()
            sent = [
                await self._producer.send(
                    row.topic,
                    key=row.key,
                    value=row.value,
                    headers=[(name, value.encode()) for name, value in row.headers],
                )
                for row in rows
            ]
            for future in sent:
                await future  # hazard: the commit succeeds even if a batch has failed; only the future reports it
            await self._producer.send_offsets_to_transaction(
                {self._marker: OffsetAndMetadata(position, "")}, self._group
            )
            await self._producer.commit_transaction()

    async def published_since(self, topics: Collection[str], since: datetime) -> AsyncIterator[Sequence[Identity]]:
        consumer = AIOKafkaConsumer(
            *topics, **self._connection, group_id=None, isolation_level="read_committed", enable_auto_commit=False
        )
        try:
            async with _bounded("search the topics", READ_SECONDS):
                await consumer.start()
                ends = await consumer.end_offsets(list(consumer.assignment()))
                starts = await consumer.offsets_for_times(dict.fromkeys(ends, int(since.timestamp() * 1000)))
                for partition, end in ends.items():
                    start = starts.get(partition)
                    consumer.seek(partition, start.offset if start else end)
            while True:
                async with _bounded("search the topics", READ_SECONDS):
                    if not [partition for partition, end in ends.items() if await consumer.position(partition) < end]:
                        return
                    polled = await consumer.getmany(timeout_ms=500)
                yield [_identity(record) for records in polled.values() for record in records]
        finally:
            await _quietly(consumer.stop())

    async def discard(self) -> None:
        producer = self._producer
        # Hazard: `stop()` waits for batches that can no longer be sent. So the batches are failed and the sender is
        # cancelled. A cancelled sender awaits its own requests: it takes one more cancellation for each of them.
        producer._message_accumulator.fail_all(BrokerAway())  # noqa: SLF001 - there is no public way to give up
        sender = producer._sender.sender_task  # noqa: SLF001
        stopping = asyncio.create_task(producer.stop(), name="relay-discard")
        deadline = asyncio.get_running_loop().time() + DISCARD_SECONDS
        await asyncio.wait({stopping}, timeout=DISCARD_SECONDS / 3)
        while not stopping.done() and asyncio.get_running_loop().time() < deadline:
            if sender is not None:
                sender.cancel()
            await asyncio.wait({stopping}, timeout=0.05)
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        await _quietly(producer.client.close())
        transaction = producer._txn_manager._transaction_waiter  # noqa: SLF001
        if transaction is not None and transaction.done() and not transaction.cancelled():
            transaction.exception()  # already reported; asyncio would log it as never retrieved


def _identity(record: Any) -> Identity:
    headers = [(name, value.decode("utf-8", "replace")) for name, value in record.headers]
    return Identity.of(record.topic, record.key, headers, content_digest(record.value or b""))


@contextlib.asynccontextmanager
async def _bounded(what: str, seconds: float) -> AsyncIterator[None]:
    """Raises BrokerAway for a time-out and for any error of Kafka inside; a cancellation of our own task passes."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerAway(f"Kafka: could not {what}: its client gave up") from None  # the client cancels its own futures
    except TimeoutError as error:
        raise BrokerAway(f"Kafka: could not {what} within {seconds:g} s") from error
    except (KafkaError, OSError, AssertionError) as error:  # the client asserts its own state
        text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise BrokerAway(f"Kafka: could not {what}: {text}") from error


async def _quietly(closing: Any) -> None:
    """Awaits `closing` for DISCARD_SECONDS at most, then cancels it; drops its errors."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait({task}, timeout=DISCARD_SECONDS)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
