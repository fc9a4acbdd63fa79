"""The consumer of the input topics, on a real broker."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition as KafkaPartition

from consumer.adapters.kafka.admin import prepare_topics
from consumer.adapters.kafka.consuming import consumer
from consumer.adapters.kafka.consuming.consumer import KafkaSource
from consumer.adapters.kafka.consuming.placement import place
from consumer.adapters.kafka.writing import TopicWriter
from consumer.domain.events import Origin, Record, TopicPartition
from consumer.errors import Transient
from consumer.flows.intake.membership import Membership
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import NoMeters
from schemas.topics import Topics
from tests.support.servers import KafkaServer
from tests.support.waiting import until

Make = Callable[..., KafkaSource]


@pytest.fixture
async def topics(bootstrap_servers: str, topic_prefix: str) -> Topics:
    made = Topics(topic_prefix)
    await prepare_topics({"bootstrap_servers": bootstrap_servers}, made, topic_prefix + "marker", partitions=2)
    return made


@pytest.fixture
async def make(bootstrap_servers: str, topics: Topics) -> AsyncIterator[Make]:
    opened: list[KafkaSource] = []

    def make_source(**changed: object) -> KafkaSource:
        options: dict[str, object] = {
            "group": topics.prefix + "group",
            "topics": topics,
            "session_timeout_seconds": 6.0,
            "batch_records": 500,
        }
        source = KafkaSource({"bootstrap_servers": bootstrap_servers}, **(options | changed))  # type: ignore[arg-type]
        opened.append(source)
        return source

    yield make_source
    for source in opened:
        await source.close()


async def _write(bootstrap_servers: str, topic: str, count: int, key: str = "s") -> None:
    async with TopicWriter(bootstrap_servers=bootstrap_servers) as writer:
        for number in range(count):
            await writer.write(topic, f"{key}{number}", b"{}")
        await writer.flush()


async def _read(source: KafkaSource, count: int, *, commit: bool = True) -> list[Record]:
    records: list[Record] = []
    async with asyncio.timeout(60):
        while len(records) < count:
            records += await source.poll(100)
    if commit:
        await source.commit(_after(records))
    return records


async def _nothing_more(source: KafkaSource) -> bool:
    return not any([await source.poll(100) for _ in range(5)])


def _after(records: list[Record]) -> dict[TopicPartition, int]:
    reached: dict[TopicPartition, int] = {}
    for record in records:
        partition = record.origin.topic_partition
        reached[partition] = max(reached.get(partition, 0), record.origin.offset + 1)
    return reached


async def test_a_new_group_begins_at_the_start_of_the_log(bootstrap_servers: str, topics: Topics, make: Make) -> None:
    await _write(bootstrap_servers, topics.sessions, 20)
    records = await _read(make(), 20)
    assert len({record.origin for record in records}) == 20


async def test_partitions_that_go_while_the_brokers_are_asked_end_nothing(
    bootstrap_servers: str, topics: Topics, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebalance may come at every await; the client refuses to tell of a partition that is another member's."""
    source = make()
    await _write(bootstrap_servers, topics.sessions, 3)
    await _read(source, 3)
    gone = KafkaPartition(topics.sessions, 99)
    asked = source._ends.of

    async def with_one_that_went(partitions: list[KafkaPartition]) -> dict[KafkaPartition, int]:
        return {**await asked([each for each in partitions if each != gone]), gone: 5}

    monkeypatch.setattr(source._ends, "of", with_one_that_went)
    source._listener.owned |= {gone}
    source._checked_at = 0.0
    assert await source.poll(10) == []
    assert source._checked_at > 0
    assert gone not in source.lags()


async def test_requests_come_before_a_backlog_of_session_events(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    source = make(batch_records=500)
    await _write(bootstrap_servers, topics.sessions, 1)
    await _read(source, 1)
    await _write(bootstrap_servers, topics.sessions, 1000)
    await _write(bootstrap_servers, topics.requests, 3)
    await asyncio.sleep(2)  # the client fetches both meanwhile
    first: list[Record] = []
    async with asyncio.timeout(60):
        while not first:
            first = await source.poll(100)
    of_requests = [record.origin.topic == topics.requests for record in first]
    assert of_requests[:1] == [True]
    assert not any(of_requests[sum(of_requests) :])
    assert len(first) <= 100  # a few session events at most, of which these may be the requests' own
    await _read(source, 1003 - len(first))


async def test_a_question_for_the_ends_does_not_wait_for_records(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    """On the reader's own connection it waits until the broker gives up waiting for records, after 0.5 s."""
    await _write(bootstrap_servers, topics.sessions, 1)
    source = make()
    await _read(source, 1)
    waits = []
    for _ in range(7):
        await source.poll(20)
        began = time.monotonic()
        await source.session_ends()
        waits.append(time.monotonic() - began)
    assert sorted(waits)[3] < 0.2


async def test_replayed_records_wait_for_live_ones(bootstrap_servers: str, topics: Topics, make: Make) -> None:
    await _write(bootstrap_servers, topics.replay[0], 300)
    await _write(bootstrap_servers, topics.sessions, 300)
    source = make(batch_records=50)
    await _read(source, 1, commit=False)

    async def all_is_fetched_ahead() -> bool:
        consumer = source._consumer
        assert consumer is not None
        return all(
            consumer.highwater(partition) for partition in consumer.assignment() if partition.topic == topics.sessions
        )

    await until(all_is_fetched_ahead)
    rest = await _read(source, 500, commit=False)
    lanes = [topics.is_replay(record.origin.topic) for record in rest]
    last_live = max(place for place, replayed in enumerate(lanes) if not replayed)
    assert not any(lanes[50:last_live])


@pytest.mark.failure(34)
async def test_beside_live_traffic_replayed_records_come_little_by_little(
    bootstrap_servers: str, topics: Topics, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "LIVE_SECONDS", 3600.0)
    await _write(bootstrap_servers, topics.sessions, 1)
    source = make()
    await _read(source, 1, commit=False)
    await _write(bootstrap_servers, topics.replay[0], 1000)
    await asyncio.sleep(0.5)
    pieces: list[int] = []
    async with asyncio.timeout(30):
        while sum(pieces) < 1000:
            pieces.append(len(await source.poll(100)))
    assert max(pieces) == consumer.REPLAY_PIECE
    assert pieces.count(0) >= 3, "there was no pause between the pieces"


async def test_a_batch_of_replayed_records_is_bounded(bootstrap_servers: str, topics: Topics, make: Make) -> None:
    """So is a batch that a poll waited for: the first live record waits until it is stored."""
    await _write(bootstrap_servers, topics.replay[0], 3000)
    source = make(batch_records=5000)
    pieces: list[int] = []
    async with asyncio.timeout(30):
        while sum(pieces) < 3000:
            pieces.append(len(await source.poll(500)))
    assert max(pieces) <= consumer.REPLAY_BATCH


async def test_what_was_not_committed_is_read_again_after_a_pause(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    await _write(bootstrap_servers, topics.sessions, 30)
    source = make()
    first = await _read(source, 30, commit=False)
    source.pause()
    await _write(bootstrap_servers, topics.sessions, 5, key="later")
    assert await _nothing_more(source)
    await source.resume()
    again = await _read(source, 35)
    assert {record.origin for record in first} <= {record.origin for record in again}
    assert await _nothing_more(source)


async def test_a_member_takes_over_what_another_left(bootstrap_servers: str, topics: Topics, make: Make) -> None:
    await _write(bootstrap_servers, topics.sessions, 10)
    leaving, staying = make(), make()
    await _read(leaving, 10)
    async with asyncio.timeout(60):
        while not (staying.is_member and staying.owned and leaving.owned):
            await asyncio.gather(leaving.poll(50), staying.poll(50))
    assert not leaving.owned & staying.owned
    await leaving.close()
    assert not leaving.is_member
    await _write(bootstrap_servers, topics.sessions, 10, key="later")
    origins: set[Origin] = set()
    async with asyncio.timeout(60):  # a rebalance reads uncommitted records again
        while len(origins) < 10 or len(staying.owned) < 8:
            origins |= {record.origin for record in await staying.poll(100)}
    assert len(origins) == 10


async def test_offsets_of_partitions_that_are_not_owned_are_not_committed(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    await _write(bootstrap_servers, topics.sessions, 10)
    source = make()
    records = await _read(source, 10, commit=False)
    await source.close()
    assert not await source.commit(_after(records)), "who believes that it is would never commit it"
    assert await source.commit({})
    assert len(await _read(make(), 10)) == 10


async def test_what_comes_back_after_a_rebalance_is_committed_though_it_was_read_to_the_same_end(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    await _write(bootstrap_servers, topics.sessions, 10)
    source = make()
    membership = Membership(
        source=source, health=Health(time.monotonic), meters=NoMeters(), loop="intake", clock=time.monotonic
    )
    offsets = _after(await _read(source, 10, commit=False))
    owned, source._listener.owned = source._listener.owned, frozenset()  # as while the group is rebalanced
    await membership.commit(offsets)
    source._listener.owned = owned
    await membership.commit(offsets)
    await source.close()
    assert await _nothing_more(make())


@pytest.mark.promise(1)
@pytest.mark.failure(7)
async def test_offsets_of_partitions_that_moved_away_are_not_committed(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    await _write(bootstrap_servers, topics.sessions, 40)
    first, second = make(), make()
    read = _after(await _read(first, 40, commit=False))
    assert len(read) == 2

    async def shared() -> bool:
        await asyncio.gather(first.poll(100), second.poll(100))
        return bool(first.owned and second.owned and not first.owned & second.owned)

    await until(shared)
    assert not await first.commit(read), "what has left is not believed to be committed"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    committed = await admin.list_consumer_group_offsets(topics.prefix + "group")
    await admin.close()
    reached = {TopicPartition(*at): answer.offset for at, answer in committed.items() if answer.offset > 0}
    assert reached == {at: offset for at, offset in read.items() if at in first.owned}


@pytest.mark.failure(8)
async def test_a_call_that_hangs_while_partitions_are_handed_over_expels_nobody(
    bootstrap_servers: str, topics: Topics, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "CALL_SECONDS", 0.5)
    first, second = make(), make()
    await _write(bootstrap_servers, topics.sessions, 10)
    await _read(first, 10)
    polling, hung = asyncio.current_task(), asyncio.Event()

    async def hanging(*given: Any, **named: Any) -> Any:
        if asyncio.current_task() is not polling and not hung.is_set():  # the client's task, within the rebalance
            hung.set()
            await asyncio.sleep(3600)
        return await place(*given, **named)

    monkeypatch.setattr(consumer, "place", hanging)

    async def shared() -> bool:
        for member in (first, second):
            with contextlib.suppress(Transient):
                await member.poll(100)
        return first.is_member and second.is_member and bool(second.owned)

    await until(shared, within_seconds=30)
    assert hung.is_set()


@pytest.mark.failure(14)
async def test_an_offset_that_fell_off_the_log_is_said_aloud(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    await _write(bootstrap_servers, topics.sessions, 40)
    source = make()
    await source.commit(_after((await _read(source, 40, commit=False))[:1]))
    await source.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    for number in (0, 1):
        await admin.delete_records({KafkaPartition(topics.sessions, number): RecordsToDelete(before_offset=5)})
    await admin.close()
    reading = make()
    records = await _read(reading, 30, commit=False)
    assert all(record.origin.offset >= 5 for record in records)
    assert [lost for lost in reading.lost if lost[1] < lost[2] == 5]


async def test_positions_and_ends_agree_once_all_is_read(bootstrap_servers: str, topics: Topics, make: Make) -> None:
    await _write(bootstrap_servers, topics.sessions, 25)
    source = make()
    await _read(source, 25)
    ends = await source.session_ends()
    assert sum(ends.values()) == 25
    assert {place: offset for place, offset in source.positions().items() if place in ends} == ends


async def test_a_partition_that_leaves_while_it_is_put_in_its_place_is_left_alone(topics: Topics, make: Make) -> None:
    source = make()
    async with asyncio.timeout(60):
        while not source.is_member:
            await source.poll(100)
    gone = KafkaPartition(topics.prefix + "marker", 0)  # to the client it is like one that a rebalance took
    consumer = source._consumer
    assert consumer is not None
    assert await place(consumer, [gone, *consumer.assignment()]) == []


async def test_whatever_fails_while_partitions_are_put_in_their_place_is_kafka_away(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make()

    async def lost(*_: object) -> list[Record]:
        raise OffsetOutOfRangeError({})

    async def away(*_: object, **__: object) -> None:
        raise KafkaConnectionError

    monkeypatch.setattr(source, "_fetch", lost)
    monkeypatch.setattr("consumer.adapters.kafka.consuming.consumer.place", away)
    with pytest.raises(Transient):
        await source.poll(100)


async def test_lags_are_known_by_partition(bootstrap_servers: str, topics: Topics, make: Make) -> None:
    await _write(bootstrap_servers, topics.sessions, 10)
    source = make(batch_records=3)
    await _read(source, 3)

    async def all_are_told() -> bool:  # each partition's end comes with its first records
        return sum(lag.records for lag in source.lags().values()) == 7

    await until(all_are_told)
    assert all(lag.seconds == 0 for lag in source.lags().values() if not lag.records)
    await _read(source, 7)
    assert {lag.records for lag in source.lags().values()} == {0}
    assert {lag.seconds for lag in source.lags().values()} == {0}


@pytest.mark.failure(9)
async def test_a_consumer_that_stands_still_in_silence_is_replaced(
    bootstrap_servers: str, topics: Topics, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own task that fetches has ended, as it does in some of the client's faults; nothing says so."""
    monkeypatch.setattr(consumer, "STANDSTILL_SECONDS", 1.0)
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.2)
    await _write(bootstrap_servers, topics.sessions, 10)
    source = make()
    await _read(source, 10)
    silent = source._consumer
    assert silent is not None
    for task in (silent._fetcher._fetch_task, *silent._fetcher._pending_tasks):  # a question under way is answered yet
        task.cancel()
    await _write(bootstrap_servers, topics.sessions, 10, key="later")
    records: list[Record] = []
    async with asyncio.timeout(60):
        while len(records) < 10:
            with contextlib.suppress(Transient):
                records += await source.poll(100)
    assert len({record.origin for record in records}) == 10
    assert source._consumer is not silent


@pytest.mark.kills_servers
async def test_a_broker_that_was_killed_is_outlived(
    kafka_server: KafkaServer, bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    await _write(bootstrap_servers, topics.sessions, 10)
    source = make()
    await _read(source, 10)
    await kafka_server.kill()
    for _ in range(3):
        try:
            assert await source.poll(100) == []
        except Transient:
            await asyncio.sleep(0.1)
    await kafka_server.start()
    await _write(bootstrap_servers, topics.sessions, 10, key="later")
    records: list[Record] = []
    async with asyncio.timeout(120):
        while len(records) < 10:
            try:
                records += await source.poll(200)
            except Transient:
                await asyncio.sleep(0.2)


async def test_what_an_open_transaction_hides_is_a_backlog_and_its_producer_is_named(
    bootstrap_servers: str, topics: Topics, make: Make
) -> None:
    """Contract part 4: those records were in the partition when a request came, and have not been read."""
    source = make()
    await _write(bootstrap_servers, topics.sessions, 1, key="s")
    (first,) = await _read(source, 1)
    at = first.origin.topic_partition
    name = f"{topics.prefix}stranger"
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, transactional_id=name) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topics.sessions, b"{}", partition=at.partition)
        await producer.send_and_wait(topics.sessions, b"{}", partition=at.partition)
        assert await _nothing_more(source)
        assert (await source.session_ends())[at] == 3
        assert source.positions()[at] == 1, "behind the end: a request that comes now waits"
        (opened,) = await source.open_transactions(frozenset(source.owned))
        assert (opened.partition, opened.begins_at, opened.transactional_id) == (at, 1, name)
        assert abs(time.time() - opened.since.timestamp()) < 60
        assert f"({name}) holds a transaction open in {at} since" in str(opened)
        await producer.abort_transaction()
    end = (await source.session_ends())[at]

    async def reached() -> bool:
        await source.poll(100)
        return source.positions()[at] >= end

    await until(reached)
    assert not await source.open_transactions(frozenset(source.owned))
