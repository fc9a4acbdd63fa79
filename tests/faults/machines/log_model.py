"""The model of publishing (contract, parts 1 and 5): what was written into the outbox stands on its topic once."""

from dataclasses import dataclass, field

LEASE_SECONDS = 20.0


@dataclass(slots=True)
class LogModel:
    """Rows are numbers, in the order in which they were written."""

    now: float = 0.0
    written: list[int] = field(default_factory=list)
    large: set[int] = field(default_factory=set)
    """The topic refuses them until it takes larger ones."""
    leader: str | None = None
    led_until: float = -1.0

    def may_lead(self) -> bool:
        return self.leader is None or self.now > self.led_until

    def leads(self, name: str) -> None:
        self.leader, self.led_until = name, self.now + LEASE_SECONDS

    def wrong(self, log: list[int], outbox: set[int]) -> list[str]:
        """What is wrong with a topic that a `read_committed` reader sees so, beside an outbox of these rows."""
        said = []
        if len(log) != len(set(log)):
            said.append(f"twice on the topic: {sorted(row for row in set(log) if log.count(row) > 1)}")
        if unknown := set(log) - set(self.written):
            said.append(f"nobody wrote {sorted(unknown)}")
        if lost := set(self.written) - set(log) - outbox:
            said.append(f"lost: {sorted(lost)}")
        in_order = [row for row in log if row not in self.large]
        if in_order != sorted(in_order):
            said.append(f"out of order: {in_order}")
        return said
