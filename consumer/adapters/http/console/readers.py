"""What the pages read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.viewing.console.accounts import Accounts
from consumer.flows.viewing.console.shown_package import PackageShelf
from consumer.flows.viewing.ports import Viewing


class ReplicaFigures(Protocol):
    """The figures of this replica, from memory."""

    def values(self, meter: Meter) -> Mapping[str, float]:
        """The figures of a counter or gauge by label, without a label by ''."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """One field for each protocol that pages read through. `wiring` gives the concrete ones."""

    health: Health
    """Of this replica, from memory."""
    figures: ReplicaFigures
    views: Viewing
    packages: PackageShelf
    accounts: Accounts
