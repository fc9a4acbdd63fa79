"""The loop that works on jobs, the oldest first, beside live intake: it rests for as long as it works.

What is sound now is stored by intake's own inbox, each record in a transaction of its own. Then one transaction notes
what became of the piece. A kill between the two costs nothing: stored again, a record is known.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from consumer.domain.events import Decoded, Origin, Request
from consumer.errors import Transient
from consumer.flows.inbox import Batch, Inbox
from consumer.flows.operation.health import Health
from consumer.flows.pacing import attended, rest
from consumer.flows.redrive.judging import Judge, StayingLetter
from consumer.flows.redrive.ports import (
    HeldJob,
    Letter,
    LetterAction,
    LetterFate,
    LetterStore,
    LostJob,
    Originals,
    RedrivenPiece,
)

LOOP = "redrive"
PIECE = 50
"""Dead letters that are looked at and noted at once: at most so many are looked at twice after a kill."""
PURGED_PIECE = 500
LOOK_SECONDS = 1.0
"""Between two looks for a job."""
AGAIN_SECONDS = 5.0
"""How long a job waits when a server is away. Other jobs go first meanwhile."""
LONGEST_REST_SECONDS = 1.0
REFUSED_AGAIN = "refused when it was stored: another event has this version, or the store cannot hold it"

log = structlog.stdlib.get_logger("escalation.redrive")


class Redriving:
    """`run` returns after `stop`, having handed its job back. Any process may go on with it then."""

    def __init__(
        self,
        *,
        store: LetterStore,
        judge: Judge,
        originals: Originals,
        inbox: Inbox,
        runner: str,
        lease_seconds: float,
        health: Health,
        only: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """With `only` it works on that job alone."""
        self._store = store
        self._judge = judge
        self._originals = originals
        self._inbox = inbox
        self._runner = runner
        self._lease_seconds = lease_seconds
        self._health = health
        self._only = only
        self._clock = clock
        self._backlogged = False
        self._waits: tuple[str, str] | None = None
        """The job that waits and the reason that was logged; each is logged once."""

    async def run(self, stop: asyncio.Event) -> None:
        """Survives the loss of Kafka and of the database."""
        while not stop.is_set():
            self._health.beat(LOOP)
            worked = False
            try:
                if self._backlogged:
                    await self._look_at_backlog()
                if (held := await self._store.claim(runner=self._runner, only=self._only)) is not None:
                    worked = await self._work_on(held, stop)
            except Transient:
                pass  # the hop is told as lost where it is watched; a job that waits for it says so itself
            if not worked:
                await rest(stop, LOOK_SECONDS)

    async def _work_on(self, held: HeldJob, stop: asyncio.Event) -> bool:
        """Works until the job has ended or `stop`. Returns False where there is nothing to go on with at once."""
        if self._waits is None or self._waits[0] != held.job.job_id:
            log.info(
                "A job on dead letters is worked on.",
                event_name="redrive_begun",
                job=held.job.job_id,
                asked_by=held.job.asked_by,
                dead_letters=held.job.matched,
            )
        try:
            while not stop.is_set():
                began = self._clock()
                if await attended(self._piece(held), lambda: self._alive(held), every_seconds=self._lease_seconds / 3):
                    return True
                self._waits = None
                await rest(stop, min(self._clock() - began, LONGEST_REST_SECONDS))
            await self._store.hand_back(held)
        except LostJob:
            log.info("A job on dead letters was stopped or taken over.", event_name="redrive_lost", job=held.job.job_id)
            return True
        except Transient as error:
            self._tell_once(held.job.job_id, str(error))
            with contextlib.suppress(Transient):
                await self._store.hand_back(held, waits=str(error), seconds=AGAIN_SECONDS)
            raise
        return True

    def _tell_once(self, job_id: str, reason: str) -> None:
        if self._waits != (job_id, reason):
            self._waits = (job_id, reason)
            log.warning("A job on dead letters waits.", event_name="redrive_waits", error=reason)

    async def _alive(self, held: HeldJob) -> None:
        self._health.beat(LOOP)
        await self._store.renew(held)

    async def _piece(self, held: HeldJob) -> bool:
        """Returns whether the job is done."""
        purges = held.job.action is LetterAction.PURGE
        piece = await self._store.piece(held, PURGED_PIECE if purges else PIECE)
        if not piece:
            await self._finish(held)
            return True
        if purges:
            await self._store.purge(held, piece)
        else:
            await self._store.settle(held, piece, await self._redriven(piece))
        return False

    async def _redriven(self, piece: Sequence[Letter]) -> RedrivenPiece:
        judged = await self._judge.judge(piece)
        taken, dropped = [], 0
        refused, gone = _staying(judged, LetterFate.REFUSED), _staying(judged, LetterFate.GONE)
        sound = {origin: each for origin, each in judged.items() if not isinstance(each, StayingLetter)}
        asked = any(isinstance(decoded.arrival, Request) for decoded in sound.values())
        ends = await self._originals.session_ends() if asked else {}
        errors = {letter.origin: letter.error for letter in piece if letter.reason == "version_conflict"}
        for origin, decoded in sound.items():
            stored = await self._inbox.store(Batch(arrivals=(decoded,), ends=ends))
            self._backlogged = self._backlogged or bool(stored.backlogged)
            if stored.outcomes.get("refused", 0):
                refused[origin] = errors.get(origin, REFUSED_AGAIN)
            else:
                taken.append(origin)
                dropped += stored.outcomes.get("dropped", 0)
        return RedrivenPiece(taken=taken, dropped=dropped, refused=refused, gone=gone)

    async def _look_at_backlog(self) -> None:
        """Requests that this loop stored may wait for session events that were not read: nobody else may know."""
        ends = await self._originals.session_ends()
        stored = await self._inbox.store(Batch(ends=ends, look_at_backlog=True))
        self._backlogged = bool(stored.backlogged)

    async def _finish(self, held: HeldJob) -> None:
        job = await self._store.finish(held)
        log.info(
            "A job on dead letters is done.",
            event_name="redrive_done",
            job=job.job_id,
            asked_by=job.asked_by,
            taken=job.taken,
            dropped=job.dropped,
            refused=job.refused,
            gone=job.gone,
            purged=job.purged,
        )


def _staying(judged: Mapping[Origin, Decoded | StayingLetter], fate: LetterFate) -> dict[Origin, str]:
    return {o: each.why for o, each in judged.items() if isinstance(each, StayingLetter) and each.fate is fate}
