"""A batch's arrivals by kind, in reading order. One pass over the batch serves all later steps."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from consumer.domain.events import (
    Arrival,
    Cancellation,
    Decoded,
    Feedback,
    PolicyChange,
    Refusal,
    Request,
    SessionChange,
    SessionKey,
)
from consumer.domain.redaction import FoundSecret


@dataclass(slots=True)
class Arrivals:
    """The arrivals of one batch, and the sessions that they concern."""

    events: list[SessionChange] = field(default_factory=list)
    asked: list[Request | Cancellation] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    policies: list[PolicyChange] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: int = 0
    named: set[SessionKey] = field(default_factory=set)
    """The sessions that the batch names, by refused records too, but not by ignored ones."""
    made: set[SessionKey] = field(default_factory=set)
    """The sessions of `named` that need a row, because something of theirs is stored."""
    secrets: defaultdict[SessionKey, dict[str, FoundSecret]] = field(default_factory=lambda: defaultdict(dict))
    """The secrets that the door found, by session and identity."""

    def with_texts(self) -> set[SessionKey]:
        """The sessions for which a request, a cancellation, feedback or a refusal arrived; these can hold texts."""
        asked = {arrival.key.session for arrival in self.asked} | {feedback.key for feedback in self.feedback}
        return asked | {refusal.session for refusal in self.refused if refusal.session}


def by_kind(batch: Iterable[Decoded]) -> Arrivals:
    """Sorts a batch by kind. Each kind keeps the reading order."""
    arrivals = Arrivals()
    events, made = arrivals.events, arrivals.made
    for arrival, _, known in batch:
        if type(arrival) is SessionChange:  # nearly all
            events.append(arrival)
            made.add(arrival.key)
            key: SessionKey | None = arrival.key
        else:
            key = _sort_in(arrivals, arrival)
        if known and key is not None:
            made.add(key)
            arrivals.secrets[key].update((secret.identity, secret) for secret in known)
    arrivals.named |= made
    return arrivals


def _sort_in(arrivals: Arrivals, arrival: Arrival) -> SessionKey | None:
    """Sorts in what is no event of a session. Returns the session that it names, if it has to be looked at."""
    match arrival:
        case Request() | Cancellation():
            arrivals.asked.append(arrival)
            arrivals.made.add(arrival.key.session)
            return arrival.key.session
        case Feedback():
            arrivals.feedback.append(arrival)
            arrivals.named.add(arrival.key)
            return arrival.key
        case Refusal():
            arrivals.refused.append(arrival)
            if arrival.session is not None:
                arrivals.named.add(arrival.session)
            return arrival.session
        case PolicyChange():
            arrivals.policies.append(arrival)
        case _:
            arrivals.ignored += 1
    return None
