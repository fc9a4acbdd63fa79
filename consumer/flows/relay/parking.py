"""What a topic refuses waits in the outbox beside the others: it is named, and tried again.

A transaction fails as a whole. So after a refusal the rows that may be why are published one by one: those that are
refused alone wait, and the others go on; but for later ones of the same note, which must not overtake it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import structlog

from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.relay.ports import EventsRefused, Outbox, OutboxRow

ALONE_IN_A_ROW = 3
"""After so many rows of a topic that were refused alone, with none published between them, it counts as the topic."""

log = structlog.stdlib.get_logger("escalation.relay")


class Parking:
    """Knows which rows are suspects. Only a leader may call `settle`, after it has fenced and read the position."""

    def __init__(self, outbox: Outbox, meters: Meters) -> None:
        self._outbox = outbox
        self._meters = meters
        self._refusal: EventsRefused | None = None
        self._suspects: dict[str, int] = {}
        """Topics whose rows are published one by one, each up to this row id."""
        self._refused_alone: Counter[str] = Counter()
        self._known: set[int] = set()
        """Rows that were refused alone: when they are refused again, that says nothing new of their topic."""
        self._refusing: frozenset[str] = frozenset()

    def note(self, refusal: EventsRefused) -> None:
        """Remembers a refusal until the next term can act on it."""
        self._refusal = refusal
        self._meters.count(Meter.RELAY_FAILURES, label="refused")

    async def settle(self, token: int) -> None:
        """Acts on the remembered refusal: its rows are parked, or become suspects."""
        refusal = self._refusal
        if refusal is not None:
            if len(refusal.ids) > 1 and not refusal.of_all:
                self._suspects[refusal.topic] = max(refusal.ids)
            else:
                await self._park(token, refusal)
        self._refusal = None
        self._refusing = frozenset(await self._outbox.retry_parked(token))

    async def _park(self, token: int, refusal: EventsRefused) -> None:
        if not refusal.of_all:
            self._refused_alone[refusal.topic] += bool(refusal.ids - self._known)
            self._known |= refusal.ids
            if self._refused_alone[refusal.topic] >= ALONE_IN_A_ROW:
                refusal = EventsRefused(refusal.topic, refusal.reason, ids=refusal.ids, of_all=True)
        if refusal.of_all:
            self._refused_alone.pop(refusal.topic, None)
            self._suspects.pop(refusal.topic, None)
        await self._outbox.park(token, refusal)
        log.error(
            "A topic refuses events; they wait in the outbox and are tried again, and all others go on.",
            event_name="relay_refused",
            topic=refusal.topic,
            error=refusal.reason,
            events="all of the topic" if refusal.of_all else len(refusal.ids),
        )

    def pieces(self, rows: Sequence[OutboxRow]) -> Iterator[Sequence[OutboxRow]]:
        """Cuts rows into transactions, in their order: each suspect stands alone."""
        piece: list[OutboxRow] = []
        for row in rows:
            if row.id <= self._suspects.get(row.topic, -1):
                if piece:
                    yield piece
                yield [row]
                piece = []
            else:
                piece.append(row)
        if piece:
            yield piece

    async def published(self, rows: Sequence[OutboxRow]) -> None:
        """These rows were taken, and so are their topics' others."""
        topics = {row.topic for row in rows}
        for topic in topics & self._refused_alone.keys():
            del self._refused_alone[topic]
        if healed := topics & self._refusing:
            await self._outbox.admit(healed)
            self._refusing -= healed
            log.info("Topics take events again.", event_name="relay_admitted", topics=sorted(healed))
