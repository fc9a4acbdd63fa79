"""The relay's Kafka producer: transactions in which every wait has a limit.

aiokafka's producer retries without end and its `stop()` flushes first, so without a broker neither returns by itself.
A step that exceeds its limit or fails raises BrokerAway: its result is unknown, and the producer must be discarded.
"""

import asyncio
from asyncio import FIRST_COMPLETED
from collections import ChainMap
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
)
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.structs import OffsetAndMetadata

from consumer.adapters.kafka.client import BOUND_SECONDS, bounded, quietly
from consumer.adapters.kafka.publishing.published import hanging_in, published_since, unended_in
from consumer.flows.relay.ports import BrokerAway, Delivery, EventsRefused, Hanging, Identity, OutboxRow, Publisher

FENCE_SECONDS = 10.0
DISCARD_SECONDS = 3.0
COORDINATOR_PAUSE_SECONDS = 0.1
LARGEST_REQUEST_BYTES = 1_000_000  # the broker's own bound for a batch is 1,048,588 with its default settings
BATCH_BYTES = 256 * 1024  # each partition has one batch in flight at a time, so small batches make large events slow
LOOK_SECONDS = 2.0  # without an answer for so long, the producer looks whether the topics are still there
_NONE = -1  # the leader of a partition that has none
_SHARE_OF_TRANSACTION = 0.8  # the producer gives up before the broker does
_SHARE_OF_ANSWERS = 0.6  # of the producer's time: the rest is for the offset and the commit
_OF_THE_TOPIC = (UnknownTopicOrPartitionError, TopicAuthorizationFailedError, InvalidTopicError, PolicyViolationError)
_OF_THE_EVENTS = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTimestampError,
    UnsupportedForMessageFormatError,
    CorruptRecordException,
    UnknownError,  # among others what this client has no name for: a record that the topic's settings forbid
)


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
            linger_ms=0,
        )
        publisher = KafkaPublisher(
            producer,
            self._connection,
            group=self._group,
            marker=self._marker,
            publish_seconds=self._transaction_seconds * _SHARE_OF_TRANSACTION,
        )
        try:
            async with bounded("start a transactional producer", FENCE_SECONDS):
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
        self._links: list[Any] = []
        """The connections of the last transaction that is not known to stand in its partitions."""

    async def position(self) -> int | None:
        admin = AIOKafkaAdminClient(**self._connection, request_timeout_ms=int(BOUND_SECONDS * 1000))
        try:
            async with bounded("read the relay's position", BOUND_SECONDS):
                await admin.start()
                committed = await self._read(admin)
        finally:
            await quietly(admin.close())
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

    async def hanging(self, topics: Collection[str]) -> Mapping[str, Sequence[Hanging]]:
        led = await self._led(topics)
        hanging = await hanging_in(self._connection, self._producer.client, dict(ChainMap(*led.values())))
        if not hanging:
            self._links = []
        return {topic: [each for each in hanging if each.topic == topic] for topic in led}

    async def unended(self, topics: Collection[str]) -> frozenset[Hanging]:
        leaders = dict(ChainMap(*(await self._led(topics)).values()))
        unended = await unended_in(self._producer.client, leaders)
        if not unended:
            self._links = []
        return frozenset(
            Hanging(topic=each.topic, partition=each.partition, begins_at=begins_at, identities=frozenset())
            for each, (begins_at, _) in unended.items()
        )

    async def _led(self, topics: Collection[str]) -> Mapping[str, dict[TopicPartition, int]]:
        """As `_leaders`, of topics that have a leader for each partition."""
        return {topic: some for topic, some in (await self._leaders(topics)).items() if _NONE not in some.values()}

    async def _leaders(self, topics: Collection[str]) -> Mapping[str, dict[TopicPartition, int]]:
        """The node that leads each partition of those topics that are there."""
        async with bounded("look at the topics", BOUND_SECONDS):
            cluster = await self._producer.client.fetch_all_metadata()
        return {
            topic: {each: cluster.leader_for_partition(each) for each in _partitions(cluster, topic)}
            for topic in set(topics) & cluster.topics()
        }

    async def end(self, hanging: Sequence[Hanging], *, commit: bool) -> None:
        """Hazard: only its inner parts can take a partition into a transaction without sending there."""
        async with bounded("end hanging transactions", self._publish_seconds):
            await self._producer.begin_transaction()
            for each in hanging:
                self._producer._txn_manager.maybe_add_partition_to_txn(  # noqa: SLF001
                    TopicPartition(each.topic, each.partition)
                )
            await (self._producer.commit_transaction() if commit else self._producer.abort_transaction())

    async def publish(self, rows: Sequence[OutboxRow], position: int) -> Mapping[int, Delivery]:
        """Hazard: a broker that is lost right after a commit may forget to end it; see `flows/relay/hanging`."""
        if not all(link.connected() for link in self._links):
            raise BrokerAway("Kafka: a connection was lost after the last transaction")
        async with bounded(f"publish {len(rows)} events", self._publish_seconds):
            unknown = {row.topic for row in rows if not self._producer.client.cluster.partitions_for_topic(row.topic)}
            await self._insist_on(unknown)
            await self._producer.begin_transaction()
            sent = {await self._sent(row): row for row in rows}
            await self._acknowledged(sent)
            await self._producer.send_offsets_to_transaction(
                {self._marker: OffsetAndMetadata(position, "")}, self._group
            )
            await self._producer.commit_transaction()
            self._links = list(self._producer.client._conns.values())  # noqa: SLF001
        places = [(row.id, answer.result()) for answer, row in sent.items()]
        return {row: Delivery(place.partition, place.offset) for row, place in places}

    async def _sent(self, row: OutboxRow) -> asyncio.Future[Any]:
        try:
            acknowledgement: asyncio.Future[Any] = await self._producer.send(
                row.topic,
                key=row.key,
                value=row.value,
                headers=[(name, value.encode()) for name, value in row.headers],
            )
        except (*_OF_THE_TOPIC, MessageSizeTooLargeError) as error:
            raise _refusal(row.topic, error, [row]) from error
        acknowledgement.add_done_callback(_retrieved)
        return acknowledgement

    async def _acknowledged(self, sent: Mapping[asyncio.Future[Any], OutboxRow]) -> None:
        """Waits for every row. Raises EventsRefused where a topic or some of the rows are why not all are taken.

        Hazard: the commit succeeds even if a batch has failed; only its futures report it.
        """
        if not sent:
            return
        everything = asyncio.gather(*sent)
        everything.add_done_callback(_retrieved)
        broken = self._producer._txn_manager._transaction_waiter  # noqa: SLF001 - a topic without rights fails only this
        until = asyncio.get_running_loop().time() + self._publish_seconds * _SHARE_OF_ANSWERS
        while not (await asyncio.wait({everything, broken}, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED))[0]:
            late = {row.topic for answer, row in sent.items() if not answer.done()}
            await self._insist_on(late)
            if asyncio.get_running_loop().time() > until:
                everything.cancel()
                if late < {row.topic for row in sent.values()}:  # it answers for others, so it is there
                    raise EventsRefused(min(late), "it does not answer, as without a leader or enough replicas")
                raise TimeoutError
        try:
            await (broken if broken.done() else everything)
        except (*_OF_THE_TOPIC, *_OF_THE_EVENTS) as error:
            refused = [row for answer, row in sent.items() if answer.done() and answer.exception()]
            raise _refusal(next((row.topic for row in refused), ""), error, refused) from error

    async def _insist_on(self, topics: Collection[str]) -> None:
        """Raises EventsRefused for a topic that is not there, at the second look: a new one takes a moment."""
        for last in (False, True):
            missing = topics and set(topics) - (await self._producer.client.fetch_all_metadata()).topics()
            if not missing:
                return
            if last:
                raise EventsRefused(
                    min(missing), "it is not there, or may not be seen: run `escalation-consumer prepare`"
                )
            await asyncio.sleep(COORDINATOR_PAUSE_SECONDS)

    async def published_since(self, topics: Collection[str], since: datetime) -> AsyncIterator[Sequence[Identity]]:
        leaders = await self._leaders(topics)
        if closed := [topic for topic, some in leaders.items() if _NONE in some.values()]:
            raise BrokerAway(f"Kafka: cannot search the topic {min(closed)}: a partition has no leader")
        if partitions := [each for some in leaders.values() for each in some]:
            async for identities in published_since(self._connection, partitions, since):
                yield identities

    async def discard(self) -> None:
        producer = self._producer
        # Hazard: `stop()` waits for batches that can no longer be sent. So the batches are failed and the sender is
        # cancelled. A cancelled sender awaits its own requests: it takes one more cancellation for each of them.
        _give_up(producer._message_accumulator)  # noqa: SLF001
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
        await quietly(producer.client.close())
        transaction = producer._txn_manager._transaction_waiter  # noqa: SLF001
        if transaction is not None and transaction.done() and not transaction.cancelled():
            transaction.exception()  # already reported; asyncio would log it as never retrieved


def _partitions(cluster: Any, topic: str) -> Sequence[TopicPartition]:
    return [TopicPartition(topic, number) for number in cluster.partitions_for_topic(topic)]


def _retrieved(done: asyncio.Future[Any]) -> None:
    """Takes the error out of a future that may be given up, or asyncio would log it."""
    if not done.cancelled():
        done.exception()


def _give_up(batches: MessageAccumulator) -> None:
    """Fails all batches. There is no public way; nobody else takes the error out of those that were never taken up."""
    waited_for = [batch._drain_waiter for batch in chain(*batches._batches.values(), batches._pending_batches)]  # noqa: SLF001
    batches.fail_all(BrokerAway())
    for waiter in waited_for:
        _retrieved(waiter)


def _refusal(topic: str, error: KafkaError, rows: Sequence[OutboxRow]) -> EventsRefused:
    """What an error of Kafka says about the rows that it came with, or about their topic."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    if isinstance(error, _OF_THE_TOPIC):
        named = error.args[0] if error.args else None
        return EventsRefused(min(named) if isinstance(named, set) and named else topic, reason)
    return EventsRefused(topic, reason, ids=[row.id for row in rows if row.topic == topic])
