"""What the pages read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.redrive.ports import LetterJobs
from consumer.flows.replay.desk import ReplayDesk
from consumer.flows.viewing.console.accounts import AccountReader
from consumer.flows.viewing.console.refused_records import RefusedLister
from consumer.flows.viewing.console.shown_package import PackageShelf
from consumer.flows.viewing.ports import Viewing


class ReplicaFigures(Protocol):
    """The figures of this replica, from memory."""

    def values(self, meter: Meter) -> Mapping[str, float]:
        """The figures of a gauge by its labels, joined by a slash; without a label by ''. Empty while it is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySender:
    """How a policy is set: by an event, as the command sets it."""

    event: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
    """Makes the event. Raises Permanent, naming the field, for what the service would refuse."""
    send: Callable[[Mapping[str, Any]], Awaitable[None]]
    """Raises Transient while Kafka is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """One field for each protocol that pages read through. `wiring` gives the concrete ones."""

    health: Health
    """Of this replica, from memory."""
    figures: ReplicaFigures
    views: Viewing
    packages: PackageShelf
    accounts: AccountReader
    replays: ReplayDesk
    refused: RefusedLister
    letters: LetterJobs
    policies: PolicySender
