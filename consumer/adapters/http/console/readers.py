"""What the pages read."""

from dataclasses import dataclass

from consumer.flows.operation.health import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """One field for each protocol that pages read through. `wiring` gives the concrete ones."""

    health: Health
    """Of this replica, from memory."""
