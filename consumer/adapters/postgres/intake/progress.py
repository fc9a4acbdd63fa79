"""What one batch's transaction knows by now."""

from collections import Counter
from dataclasses import dataclass, field

from consumer.adapters.postgres.intake import sweeping
from consumer.domain.arrival import deadletters
from consumer.domain.arrival.acceptance import Head
from consumer.domain.events import Refusal, SessionKey
from consumer.domain.package.package import Publication
from schemas.packages import TicketReference


@dataclass(slots=True)
class BatchInProgress:
    """A batch during its transaction: what was looked up in the tables, and what is still to be written."""

    heads: dict[SessionKey, Head] = field(default_factory=dict)
    erased: set[SessionKey] = field(default_factory=set)
    tickets: dict[SessionKey, TicketReference | None] = field(default_factory=dict)
    """The last tickets of erased sessions."""
    marked: set[SessionKey] = field(default_factory=set)
    """Sessions for which secrets are stored."""
    sweepers: sweeping.Sweepers = field(default_factory=dict)
    changed: set[SessionKey] = field(default_factory=set)
    """Sessions whose stored texts a sweep changed."""
    publications: list[Publication | deadletters.DeadLetterRecord] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    channels: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
