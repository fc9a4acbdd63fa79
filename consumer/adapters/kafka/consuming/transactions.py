"""Open transactions: which producer keeps records of a partition from those who read committed ones (KIP-664).

aiokafka does not know these questions; the three that brokers answer are spelt out here. They change nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from consumer.adapters.kafka.client import brokers_reachable, quietly
from consumer.domain.events import TopicPartition
from consumer.flows.intake.ports import OpenTransaction

LOOK_SECONDS = 3.0

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


class _Producers(Response):  # type: ignore[misc]  # it ships no types
    API_KEY = 61
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", _TEXT),
                        (
                            "producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("begins_at", Int64),
                                _TAGS,
                            ),
                        ),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _ProducersStruct(RequestStruct):  # type: ignore[misc]  # it ships no types
    API_KEY = 61
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Producers
    SCHEMA = Schema(("topics", CompactArray(("name", _TEXT), ("partitions", CompactArray(Int32)), _TAGS)), _TAGS)


class _Listed(Response):  # type: ignore[misc]  # it ships no types
    API_KEY = 66
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_states", CompactArray(_TEXT)),
        ("transactions", CompactArray(("transactional_id", _TEXT), ("producer_id", Int64), ("state", _TEXT), _TAGS)),
        _TAGS,
    )


class _ListedStruct(RequestStruct):  # type: ignore[misc]  # it ships no types
    API_KEY = 66
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Listed
    SCHEMA = Schema(("states", CompactArray(_TEXT)), ("producer_ids", CompactArray(Int64)), _TAGS)


class _Described(Response):  # type: ignore[misc]  # it ships no types
    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transactions",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", _TEXT),
                ("state", _TEXT),
                ("timeout_ms", Int32),
                ("started_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                ("topics", CompactArray(("topic", _TEXT), ("partitions", CompactArray(Int32)), _TAGS)),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _DescribedStruct(RequestStruct):  # type: ignore[misc]  # it ships no types
    API_KEY = 65
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Described
    SCHEMA = Schema(("transactional_ids", CompactArray(_TEXT)), _TAGS)


class _ProducersRequest(Request[_ProducersStruct]):  # type: ignore[misc]  # it ships no types
    API_KEY: ClassVar[int] = 61

    def __init__(self, topics: Mapping[str, Sequence[int]]) -> None:
        self._topics: list[tuple[str, list[int], dict[int, bytes]]] = [
            (name, list(partitions), {}) for name, partitions in topics.items()
        ]

    def build(self, request_struct_class: type[_ProducersStruct]) -> _ProducersStruct:
        return request_struct_class(self._topics, {})


class _ListedRequest(Request[_ListedStruct]):  # type: ignore[misc]  # it ships no types
    API_KEY: ClassVar[int] = 66

    def __init__(self, producer_ids: Sequence[int]) -> None:
        self._producer_ids = list(producer_ids)

    def build(self, request_struct_class: type[_ListedStruct]) -> _ListedStruct:
        return request_struct_class([], self._producer_ids, {})


class _DescribedRequest(Request[_DescribedStruct]):  # type: ignore[misc]  # it ships no types
    API_KEY: ClassVar[int] = 65

    def __init__(self, transactional_ids: Sequence[str]) -> None:
        self._transactional_ids = list(transactional_ids)

    def build(self, request_struct_class: type[_DescribedStruct]) -> _DescribedStruct:
        return request_struct_class(self._transactional_ids, {})


async def open_transactions(
    connection: Mapping[str, Any], partitions: Sequence[TopicPartition]
) -> Sequence[OpenTransaction]:
    """The transactions that are open in these partitions, the first one of each first.

    Bounded in time. Raises Transient while Kafka is unreachable. What this user may not see stays unknown.
    """
    client = AIOKafkaClient(**connection)
    try:
        async with brokers_reachable(), asyncio.timeout(LOOK_SECONDS):
            await client.bootstrap()
            return await _named(client, await _producers(client, partitions))
    finally:
        await quietly(client.close())


async def _producers(client: AIOKafkaClient, partitions: Sequence[TopicPartition]) -> list[OpenTransaction]:
    await client.set_topics({partition.topic for partition in partitions})
    by_leader: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for topic, number in partitions:
        leader = client.cluster.leader_for_partition(KafkaPartition(topic, number))
        if leader is not None and leader >= 0:
            by_leader[leader][topic].append(number)
    answers = await asyncio.gather(
        *(_answer(client, node, _ProducersRequest(asked)) for node, asked in by_leader.items())
    )
    opened = [
        OpenTransaction(
            partition=TopicPartition(topic["name"], partition["partition"]),
            begins_at=producer["begins_at"],
            producer_id=producer["producer_id"],
            since=datetime.fromtimestamp(producer["last_timestamp"] / 1000, UTC),
        )
        for answer in answers
        for topic in answer["topics"]
        for partition in topic["partitions"]
        for producer in partition["producers"] or ()
        if producer["begins_at"] >= 0
    ]
    return sorted(opened, key=lambda each: (each.partition, each.begins_at))


async def _named(client: AIOKafkaClient, opened: list[OpenTransaction]) -> list[OpenTransaction]:
    """With the names of the producers and the beginnings of their transactions, where the brokers tell them."""
    if not opened:
        return []
    names: dict[int, str] = {}
    since: dict[int, datetime] = {}
    wanted = sorted({each.producer_id for each in opened})
    for broker in client.cluster.brokers():
        try:
            listed = await _answer(client, broker.nodeId, _ListedRequest(wanted))
            here = {each["producer_id"]: each["transactional_id"] for each in listed["transactions"] or ()}
            names |= here
            if here:
                described = await _answer(client, broker.nodeId, _DescribedRequest(sorted(here.values())))
                since |= {
                    each["producer_id"]: datetime.fromtimestamp(each["started_ms"] / 1000, UTC)
                    for each in described["transactions"]
                    if each["error_code"] == 0 and each["started_ms"] > 0
                }
        except KafkaError:
            continue  # another broker may know; without a name there is still the id
    return [
        replace(each, transactional_id=names.get(each.producer_id), since=since.get(each.producer_id, each.since))
        for each in opened
    ]


async def _answer(client: AIOKafkaClient, node: int, request: Any) -> dict[str, Any]:
    await client.ready(node)
    return dict((await client.send(node, request)).to_object())
