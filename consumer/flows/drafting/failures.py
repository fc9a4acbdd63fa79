"""What becomes of work that fails: it is tried again, then rules draft it, alone, then it is given up.

Given up is only what is the session's own fault. What every session would meet is the service's: then nothing is ended,
and the work waits for a better release.
"""

from collections.abc import Callable
from secrets import SystemRandom

import structlog

from consumer.domain.events import SessionKey
from consumer.domain.request.work import Work
from consumer.errors import Transient
from consumer.flows.drafting.lease_keeper import LeaseKeeper
from consumer.flows.drafting.worker import Worker
from consumer.flows.operation.health import Health

BACKOFF_SECONDS = (1.0, 60.0)
SEVERAL = 3
"""So many different sessions that fail, with none between them that succeeds, do not all have a fault of their own."""
FAILED_DETAIL = "The session could not be turned into a package; see the service's log."
LOST_DETAIL = (
    "Every process that drafted this session ended or stood still, by rules and alone too. It is not tried again."
)

log = structlog.stdlib.get_logger("escalation.drafting")


class Failures:
    """Hands failed work back, or ends it. `rests_until` is when suspect work may be tried again, by the clock."""

    def __init__(
        self,
        *,
        worker: Worker,
        keeper: LeaseKeeper,
        draft_sample: Callable[[], object],
        health: Health,
        clock: Callable[[], float],
    ) -> None:
        """`draft_sample` drafts a session that every sound release can draft, and raises what that raises."""
        self._worker = worker
        self._keeper = keeper
        self._draft_sample = draft_sample
        self._health = health
        self._clock = clock
        self._random = SystemRandom()
        self._failed: set[SessionKey] = set()
        """Since any session was drafted."""
        self._in_a_row = 0
        self.rests_until = 0.0

    def drafted(self) -> None:
        """A session was drafted, whichever."""
        self._failed.clear()
        self._in_a_row = 0

    async def put_off(self, work: Work, error: Transient) -> None:
        """For an error of a server: this attempt does not count."""
        self._health.failing("drafting", str(error))
        log.warning(
            "Drafting a package is put off: a server is away or refuses.",
            event_name="work_waits",
            error=str(error),
            attempt=work.attempts,
        )
        await self._keeper.back(work, in_seconds=self._backoff(work), counted=False)

    async def failed(self, work: Work, error: BaseException) -> None:
        """For an error that nobody foresaw."""
        log.error("Drafting a package failed.", event_name="work_failed", attempt=work.attempts, exc_info=error)
        self._failed.add(work.key.session)
        if not work.is_suspect:
            await self._keeper.back(work, in_seconds=self._backoff(work), counted=True)
        elif self._is_the_sessions():
            try:
                await self.give_up(work, FAILED_DETAIL)
            except Transient as away:
                await self.put_off(work, away)
        else:
            self._in_a_row += 1
            self.rests_until = self._clock() + min(2.0**self._in_a_row, BACKOFF_SECONDS[1])
            self._health.failing(
                "drafting",
                f"{type(error).__name__} for every session, by rules too: the release is faulty, deploy a sound one; "
                "nothing was given up",
            )
            await self._keeper.back(work, in_seconds=self._backoff(work), counted=False)

    async def give_up(self, work: Work, detail: str) -> None:
        """Ends the work. Raises Transient."""
        log.error("A piece of work was given up.", event_name="work_unprocessable", attempt=work.attempts)
        await self._worker.give_up(work, detail)

    def _is_the_sessions(self) -> bool:
        """Whether the fault of a session that has just failed is its own."""
        if len(self._failed) >= SEVERAL:
            return False
        try:
            self._draft_sample()
        except Exception:  # whatever it is, the session cannot help it
            log.exception("Not even the sample can be drafted.", event_name="sample_failed")
            return False
        return True

    def _backoff(self, work: Work) -> float:
        """Seconds to wait, with full jitter. A request with a deadline is not put off beyond it."""
        least, most = BACKOFF_SECONDS
        seconds = self._random.uniform(least, max(min(most, 2.0**work.attempts), least))
        if work.deadline_in_seconds is None:
            return seconds
        return max(min(seconds, work.deadline_in_seconds), least)
