"""A line for each record that is refused; of a flood the first ones of every second, and how many there were more."""

from collections import Counter
from collections.abc import Callable, Iterable

import structlog

from consumer.domain.events import Refusal

LINES_A_SECOND = 10

log = structlog.stdlib.get_logger("escalation.intake")


class RefusalLines:
    """`clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = clock()
        self._lines = 0
        self._more: Counter[str] = Counter()

    def tell(self, refusals: Iterable[Refusal] = ()) -> None:
        """Tells these, and of an earlier second how many were not told one by one. Holds no payload."""
        if self._clock() - self._second >= 1:
            self._sum_up()
        for refusal in refusals:
            if self._lines < LINES_A_SECOND:
                self._lines += 1
                origin = refusal.origin
                log.warning(
                    "A record was refused.",
                    event_name="record_refused",
                    topic=origin.topic,
                    partition=origin.partition,
                    offset=origin.offset,
                    reason=refusal.reason.value,
                    error=refusal.error,
                    **_ids(refusal),
                )
            else:
                self._more[refusal.reason.value] += 1

    def _sum_up(self) -> None:
        self._second, self._lines = self._clock(), 0
        if self._more:
            log.warning(
                "More records were refused than are told one by one.",
                event_name="records_refused",
                records=self._more.total(),
                reasons=dict(self._more),
            )
            self._more.clear()


def _ids(refusal: Refusal) -> dict[str, str]:
    return {} if refusal.session is None else dict(zip(("tenant", "session"), refusal.session, strict=True))
