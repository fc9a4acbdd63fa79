"""What the pages read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.redrive.ports import LetterJobs
from consumer.flows.replay.desk import ReplayDesk
from consumer.flows.viewing.accounts import AccountReader
from consumer.flows.viewing.finding import Finder
from consumer.flows.viewing.present import PresentReader
from consumer.flows.viewing.refused_records import RefusedLister
from consumer.flows.viewing.request_list import RequestLister
from consumer.flows.viewing.request_story import StoryReader
from consumer.flows.viewing.session_list import SessionLister
from consumer.flows.viewing.shown_package import PackageShelf


class ReplicaFigures(Protocol):
    """The figures of this replica, from memory."""

    def values(self, meter: Meter) -> Mapping[str, float]:
        """The figures of a counter or gauge by label, without a label by ''."""


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
    present: PresentReader
    requests: RequestLister
    stories: StoryReader
    sessions: SessionLister
    finder: Finder
    packages: PackageShelf
    accounts: AccountReader
    replays: ReplayDesk
    refused: RefusedLister
    letters: LetterJobs
    policies: PolicySender
