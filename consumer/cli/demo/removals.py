"""What the door removed: how many secret values, and from where, by the placeholders that stand in the store."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.redaction.placeholders import PLACEHOLDER
from consumer.flows.viewing.dead_letters import DeadLetterView

_REFUSED = "a refused record"
_PLACES = (
    (r"session\.script", "the parameters of scripts"),
    (r"session\.fact", "facts"),
    (r"session\.fix", "fixes and their outcomes"),
    (r"session\.(opened|described)", "descriptions of problems"),
    (r"session\.snapshot", "snapshots"),
)
_ELSEWHERE = "other records"


@dataclass(slots=True)
class Removals:
    """`values` are different secrets, each counted once a session; `places` are the spots where they stood."""

    values: set[tuple[SessionKey, str]] = field(default_factory=set)
    places: Counter[str] = field(default_factory=Counter)

    def add(self, session: SessionKey, place: str, text: str) -> None:
        """Counts the placeholders of a text."""
        placeholders = [match[0] for match in PLACEHOLDER.finditer(text)]
        self.values.update((session, _identity(placeholder)) for placeholder in placeholders)
        if placeholders:
            self.places[place] += len(placeholders)

    def as_row(self) -> Mapping[str, object]:
        return {"values": len(self.values), "places": dict(self.places)}


async def count_removals(
    look: StoreReader, requests: Iterable[RequestKey], dead_letters: Iterable[DeadLetterView]
) -> Removals:
    """Counts what was removed from the sessions of these requests, and from these refused records."""
    removals = Removals()
    for session in sorted({request.session for request in requests}):
        for event in await look.events(session):
            if event.data is not None:
                removals.add(session, _place(event.type), event.data.model_dump_json())
    for letter in dead_letters:
        removals.add(SessionKey(str(letter.tenant_id), str(letter.session_id)), _REFUSED, letter.excerpt)
    return removals


def _place(event_type: str) -> str:
    return next((place for pattern, place in _PLACES if re.match(pattern, event_type)), _ELSEWHERE)


def _identity(placeholder: str) -> str:
    """One secret can be stored under several kinds."""
    return placeholder.rstrip("]").rpartition(":")[2]
