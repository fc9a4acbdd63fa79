"""A batch's arrivals by what they are, in the order of reading: looked through once, for every step has its own use."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from consumer.domain.events import Cancellation, Decoded, Ignored, Refusal, Request, SessionChange, SessionKey
from consumer.domain.redaction import FoundSecret


@dataclass(slots=True)
class Arrivals:
    events: list[SessionChange] = field(default_factory=list)
    asked: list[Request | Cancellation] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: int = 0
    named: set[SessionKey] = field(default_factory=set)
    """Sessions that are spoken of, refused records included."""
    made: set[SessionKey] = field(default_factory=set)
    """Those of them that have to have a row: something of theirs is kept."""
    secrets: defaultdict[SessionKey, dict[str, FoundSecret]] = field(default_factory=lambda: defaultdict(dict))
    """What was found at the door, by identity."""

    def told(self) -> set[SessionKey]:
        """Sessions that requests and refusals tell something of, in words."""
        return {one.key.session for one in self.asked} | {one.session for one in self.refused if one.session}


def by_kind(batch: Iterable[Decoded]) -> Arrivals:
    found = Arrivals()
    events, made = found.events, found.made
    for arrival, _, known in batch:
        if not known and type(arrival) is SessionChange:  # nearly all
            events.append(arrival)
            made.add(arrival.key)
            continue
        key: SessionKey | None = None
        match arrival:
            case SessionChange():
                found.events.append(arrival)
                key = arrival.key
                found.made.add(key)
            case Request() | Cancellation():
                found.asked.append(arrival)
                key = arrival.key.session
                found.made.add(key)
            case Refusal():
                found.refused.append(arrival)
                key = arrival.session
                if key is not None:
                    found.named.add(key)
            case Ignored():
                found.ignored += 1
        if known and key is not None:
            found.made.add(key)
            found.secrets[key].update((secret.identity, secret) for secret in known)
    found.named |= found.made
    return found
