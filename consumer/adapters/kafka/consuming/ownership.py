"""The partitions that a member of the group owns between two rebalances."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition


class Ownership(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """`is_member` once the group has accepted this member, also without a partition of its own."""

    def __init__(self, settle: Callable[[Any], Awaitable[None]]) -> None:
        """`settle` places newly assigned partitions; it raises nothing."""
        self._settle = settle
        self.owned: frozenset[KafkaPartition] = frozenset()
        self.is_member = False

    def gone(self) -> None:
        self.owned = frozenset()
        self.is_member = False

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - the protocol's signature
        self.gone()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        # New partitions are polled while this still runs, so they must count as owned before the await.
        self.owned = frozenset(assigned)
        await self._settle(assigned)
        self.is_member = True
