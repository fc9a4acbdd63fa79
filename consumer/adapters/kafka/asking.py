"""Questions to the brokers that change nothing: rights, settings of topics, members and lag of a group.

aiokafka knows no request that asks for rights; the two that the brokers answer are spelt out here.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import ApiVersionRequest, DescribeConfigsRequest, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from consumer.adapters.kafka.client import brokers_reachable, quietly

READ, WRITE, DESCRIBE = 3, 4, 8
"""Kafka's numbers of operations: bits of an answer about rights."""
UNASKED = -(2**31)
"""Brokers say so where they were not asked."""
GROUP_COORDINATOR, TRANSACTION_COORDINATOR = 0, 1
_TOPIC = 2
_TEXT = String("utf-8")


class _RightsOfTopics(Response):  # type: ignore[misc]  # it ships no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("authorized_operations", Int32),
    )


class _TopicsStruct(RequestStruct):  # type: ignore[misc]  # it ships no types
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _RightsOfTopics
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _GroupsStruct(RequestStruct):  # type: ignore[misc]  # it ships no types
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = Schema(("groups", Array(_TEXT)), ("include_authorized_operations", Boolean))


class _TopicsRequest(Request[_TopicsStruct]):  # type: ignore[misc]  # it ships no types
    API_KEY: ClassVar[int] = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_TopicsStruct]) -> _TopicsStruct:
        return request_struct_class(self._topics, False, True, True)  # False: makes no topic


class _GroupsRequest(Request[_GroupsStruct]):  # type: ignore[misc]  # it ships no types
    API_KEY: ClassVar[int] = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupsStruct]) -> _GroupsStruct:
        return request_struct_class([self._group], True)


class BrokerQuestions:
    """One client that asks. Every method raises aiokafka's errors."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    async def versions(self) -> dict[int, int]:
        """The newest version of each request that a broker takes, by the number of the request."""
        answer = await self._client.send(self._client.get_random_node(), ApiVersionRequest())
        return {key: newest for key, _, newest in answer.api_versions}

    async def topics(self, names: Collection[str]) -> Mapping[str, Any]:
        """Brokers, and of these topics the error, the partitions and what this user may do."""
        answer = await self._client.send(self._client.get_random_node(), _TopicsRequest(list(names)))
        return dict(answer.to_object())

    async def configs(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        """The settings of these topics; without those that this user may not see."""
        request = DescribeConfigsRequest([(_TOPIC, name, None) for name in names], False)
        answer = await self._client.send(self._client.get_random_node(), request)
        return {
            name: {entry[0]: entry[1] for entry in entries}
            for code, _, _, name, entries in answer.resources
            if code == 0
        }

    async def group(self, group: str) -> Mapping[str, Any]:
        """State, members and rights of the group."""
        node = await self._client.coordinator_lookup(GROUP_COORDINATOR, group)
        await self._client.ready(node)
        answer = (await self._client.send(node, _GroupsRequest(group))).to_object()
        (described,) = answer["groups"]
        return dict(described)

    async def transactions(self, transactional_id: str) -> int:
        """The broker that keeps this transactional id. Raises where the user may not use it. It fences nobody."""
        return int(await self._client.coordinator_lookup(TRANSACTION_COORDINATOR, transactional_id))


@asynccontextmanager
async def broker_questions(connection: Mapping[str, Any]) -> AsyncIterator[BrokerQuestions]:
    """A client that has reached a broker. Raises Transient while none is reachable."""
    client = AIOKafkaClient(**connection)
    try:
        async with brokers_reachable():
            await client.bootstrap()
            yield BrokerQuestions(client)
    finally:
        await quietly(client.close())


async def committed(connection: Mapping[str, Any], group: str) -> dict[Any, int]:
    """The committed offset of each partition. Raises Transient while Kafka is unreachable."""
    admin = AIOKafkaAdminClient(**connection)
    try:
        async with brokers_reachable():
            await admin.start()
            offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await quietly(admin.close())
    return {partition: at.offset for partition, at in offsets.items() if at.offset >= 0}


def name_of_error(code: int) -> str:
    """Kafka's name of an error."""
    return str(for_code(code).__name__)
