"""Topic history from a real Kafka."""

import json
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition

from consumer.adapters.kafka import history as topic_history
from consumer.adapters.kafka.history import TopicHistory
from consumer.domain.events import TopicPartition
from consumer.errors import Transient
from consumer.flows.rebuild.ports import OffsetRange
from tests.support.topics import make_topics


async def test_spans_are_read_by_timestamp_and_in_order_within_a_partition(
    bootstrap_servers: str, topic_prefix: str
) -> None:
    live, replay, group = f"{topic_prefix}live", f"{topic_prefix}replay", f"{topic_prefix}group"
    await make_topics(bootstrap_servers, **{live: 2, replay: 1})
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, transactional_id=f"{topic_prefix}writer")
    await producer.start()
    try:
        for topic, partition, times in ((live, 0, (1, 4, 3, 9)), (live, 1, (2, 8)), (replay, 0, (5, 6))):
            async with producer.transaction():  # its mark is an offset without a record
                for time in times:
                    await producer.send(topic, json.dumps(time).encode(), partition=partition, timestamp_ms=time)
        await producer.begin_transaction()
        await producer.send(replay, b"99", partition=0, timestamp_ms=99)
        await producer.abort_transaction()
    finally:
        await producer.stop()

    history = TopicHistory(bootstrap_servers=bootstrap_servers)
    spans = await history.spans((live, replay))
    assert spans == {
        (live, 0): OffsetRange(start=0, end=5),
        (live, 1): OffsetRange(start=0, end=3),
        (replay, 0): OffsetRange(start=0, end=5),
    }
    read = [dated async for dated in history.read(spans)]
    assert [json.loads(dated.record.value or b"") for dated in read] == [1, 2, 4, 3, 5, 6, 8, 9]
    assert [dated.timestamp_ms for dated in read] == [1, 2, 4, 3, 5, 6, 8, 9]
    part = {
        TopicPartition(live, 0): OffsetRange(start=1, end=3),
        TopicPartition(live, 1): OffsetRange(start=3, end=3),
    }
    assert [dated.timestamp_ms async for dated in history.read(part)] == [4, 3]

    assert await history.committed(group, [TopicPartition(live, 0)]) == {}
    assert not await history.has_members(group)
    member = AIOKafkaConsumer(live, bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False)
    await member.start()
    try:
        await member.commit({KafkaPartition(live, 0): 2})
        assert await history.has_members(group)
    finally:
        await member.stop()
    assert await history.committed(group, [TopicPartition(live, 0)]) == {(live, 0): 2}


@pytest.mark.parametrize(("since", "start"), [(-3600, 0), (0, 0), (5, 1), (6, 2)])
async def test_spans_since_a_time_hold_the_records_from_then_on(
    bootstrap_servers: str, topic_prefix: str, since: int, start: int
) -> None:
    """A store that has lost everything asks for a time before all times, which the client would refuse."""
    topic = f"{topic_prefix}live"
    await make_topics(bootstrap_servers, **{topic: 1})
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        for second in (1, 5):
            await producer.send_and_wait(topic, b"1", timestamp_ms=second * 1000)
    finally:
        await producer.stop()
    spans = await TopicHistory(bootstrap_servers=bootstrap_servers).spans(
        [topic], since=datetime.fromtimestamp(since, UTC)
    )
    assert spans == {(topic, 0): OffsetRange(start=start, end=2)}


async def test_a_broker_that_yields_nothing_is_away(
    bootstrap_servers: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client would wait without end, as for records that the log does not hold."""
    monkeypatch.setattr(topic_history, "SILENCE_SECONDS", 1.0)
    await make_topics(bootstrap_servers, **{f"{topic_prefix}live": 1})
    history = TopicHistory(bootstrap_servers=bootstrap_servers)
    with pytest.raises(Transient, match="yielded nothing"):
        _ = [
            dated
            async for dated in history.read({TopicPartition(f"{topic_prefix}live", 0): OffsetRange(start=0, end=3)})
        ]
