"""A batch's arrivals by kind, in reading order. One pass over the batch serves all later steps."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from consumer.domain.events import Cancellation, Decoded, Ignored, Refusal, Request, SessionChange, SessionKey
from consumer.domain.redaction import FoundSecret


@dataclass(slots=True)
class Arrivals:
    """The arrivals of one batch, and the sessions that they concern."""

    events: list[SessionChange] = field(default_factory=list)
    asked: list[Request | Cancellation] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: int = 0
    named: set[SessionKey] = field(default_factory=set)
    """The sessions that the batch names, by refused records too, but not by ignored ones."""
    made: set[SessionKey] = field(default_factory=set)
    """The sessions of `named` that need a row, because something of theirs is stored."""
    secrets: defaultdict[SessionKey, dict[str, FoundSecret]] = field(default_factory=lambda: defaultdict(dict))
    """The secrets that the door found, by session and identity."""

    def with_texts(self) -> set[SessionKey]:
        """The sessions for which a request, a cancellation or a refusal arrived; these can hold texts."""
        return {arrival.key.session for arrival in self.asked} | {
            refusal.session for refusal in self.refused if refusal.session
        }


def by_kind(batch: Iterable[Decoded]) -> Arrivals:
    """Sorts a batch by kind. Each kind keeps the reading order."""
    arrivals = Arrivals()
    events, made = arrivals.events, arrivals.made
    for arrival, _, known in batch:
        if not known and type(arrival) is SessionChange:  # nearly all
            events.append(arrival)
            made.add(arrival.key)
            continue
        key: SessionKey | None = None
        match arrival:
            case SessionChange():
                arrivals.events.append(arrival)
                key = arrival.key
                arrivals.made.add(key)
            case Request() | Cancellation():
                arrivals.asked.append(arrival)
                key = arrival.key.session
                arrivals.made.add(key)
            case Refusal():
                arrivals.refused.append(arrival)
                key = arrival.session
                if key is not None:
                    arrivals.named.add(key)
            case Ignored():
                arrivals.ignored += 1
        if known and key is not None:
            arrivals.made.add(key)
            arrivals.secrets[key].update((secret.identity, secret) for secret in known)
    arrivals.named |= arrivals.made
    return arrivals
