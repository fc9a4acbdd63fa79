"""Whether the position in Kafka and the numbers in the database tell the same."""

from enum import StrEnum

from consumer.flows.relay.ports import Term


class Agreement(StrEnum):
    """Whether the position in Kafka and the numbers in the database agree."""

    AGREED = "agreed"
    BEHIND = "behind"
    """Kafka lost the position (expired, marker topic made anew, rewound): numbered rows may be published already."""
    AHEAD = "ahead"
    """The database lost commits (failover, restored backup): its numbers mean nothing, any row may be published."""


def agreement_of(committed: int | None, term: Term) -> Agreement:
    """While nothing is lost, position ≤ committed ≤ numbered.

    The database numbers a row before Kafka sees it, and raises its position after Kafka has committed.
    """
    if committed is None:
        return Agreement.AGREED if term.numbered == 0 else Agreement.BEHIND
    if committed < term.position:
        return Agreement.BEHIND
    return Agreement.AHEAD if committed > term.numbered else Agreement.AGREED
