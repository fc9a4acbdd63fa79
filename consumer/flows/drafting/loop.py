"""The drafting loop: leases due work, the most urgent first, and brings each piece of work to an end.

There are two kinds of places: few at the model, which work holds for seconds, and many for rules, which work holds for
milliseconds. A fallback never queues behind a call: near a deadline, without a key, or while the model is away, work
takes a place for rules.
"""

import asyncio
from collections.abc import Callable
from secrets import SystemRandom

import structlog

from consumer.domain.request.work import Work
from consumer.errors import Halt, Transient
from consumer.flows.drafting.drafter import Drafter
from consumer.flows.drafting.finishing import Redo
from consumer.flows.drafting.ports import DraftingStores, Lane, Outage
from consumer.flows.drafting.worker import ModelUse, Worker
from consumer.flows.operation.health import Health
from consumer.flows.pacing import Waker, is_asked_to_end, rest

LOOP = "drafting"
POLL_SECONDS = 1.0
"""How often the queue is asked; hints only make it sooner. It varies a little, so that replicas don't keep step."""
RULES_PLACES = 8
"""Pieces of work without the model at once. Each takes a few milliseconds here and in the database."""
WAKE_SECONDS = 10.0
"""How often this loop looks for upgrades that a crash left waiting."""
MOST_ATTEMPTS = 5
"""After so many attempts rules draft. If they fail, too, the work is given up."""
BACKOFF_SECONDS = (1.0, 60.0)
RELEASE_SECONDS = 1.5
"""The part of `drain_seconds` that is kept for handing leases back."""

log = structlog.stdlib.get_logger("escalation.drafting")


class Drafting:
    """`run` returns after `stop`, within `drain_seconds`: work under way is finished by then, or handed back.

    It raises Halt where going on would do harm. Any other error affects only the piece of work that it comes from.
    """

    def __init__(
        self,
        *,
        stores: DraftingStores,
        worker: Worker,
        drafter: Drafter | None,
        model_places: int,
        replay_places: int,
        lease_seconds: float,
        drain_seconds: float,
        hint: Waker,
        health: Health,
        clock: Callable[[], float],
    ) -> None:
        """Without a drafter there is no key, and every package is drafted by rules.

        Replays take at most `replay_places` of the places at the model, so that live work soon finds a free one.
        """
        self._queue = stores.queue
        self._ledger = stores.ledger
        self._outages = stores.outages
        self._worker = worker
        self._drafter = drafter
        self._model_places = model_places if drafter is not None else 0
        self._replay_places = min(replay_places, self._model_places)
        self._lease_seconds = lease_seconds
        self._drain_seconds = drain_seconds
        self._hint = hint
        self._health = health
        self._clock = clock
        self._random = SystemRandom()
        self._at_model: dict[asyncio.Task[None], Work] = {}
        self._at_rules: dict[asyncio.Task[None], Work] = {}
        self._freed = asyncio.Event()
        self._woken_at: float | None = None
        self._halt: Halt | None = None

    async def run(self, stop: asyncio.Event) -> None:
        renewing = asyncio.create_task(self._renew(), name="drafting-renewal")
        paused = False
        try:
            while not stop.is_set():
                self._health.beat(LOOP)
                if self._halt is not None:
                    raise self._halt
                self._freed.clear()
                try:
                    more = await self._turn()
                    if paused:  # said here, because there may be no work that would say it
                        paused = False
                        self._health.ok("drafting")
                except Transient as error:
                    paused = True
                    self._health.failing("drafting", str(error))
                    log.warning(
                        "Drafting paused: PostgreSQL is away or refuses.", event_name="drafting_waits", error=str(error)
                    )
                    more = False
                if not more:
                    await rest(stop, self._random.uniform(0.8, 1.2) * POLL_SECONDS, self._hint, self._freed)
            await self._drain()
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._hand_back()

    async def _turn(self) -> bool:
        """Starts the due work for which there are places. Returns whether there may be more right now."""
        outage = await self._look_at_model() if self._drafter is not None else None
        more = await self._take(Lane.URGENT, ModelUse.LATER if self._drafter is not None else ModelUse.NEVER)
        if self._drafter is None:
            more = await self._take(Lane.MODEL, ModelUse.NEVER) or more
            return await self._take(Lane.REPLAY, ModelUse.NEVER) or more
        if outage is not None:
            self._drafter.slow_down()
            more = await self._take(Lane.RULES, ModelUse.LATER) or more
            if outage.probe_due and len(self._at_model) < self._model_places:
                await self._probe()
            return more
        more = await self._take(Lane.MODEL, ModelUse.CALL) or more
        more = await self._take(Lane.REPLAY, ModelUse.CALL) or more
        await self._wake_upgrades()
        return more

    async def _look_at_model(self) -> Outage | None:
        """Returns the outage that all replicas know of, and reports it to health.

        Hazard: no await between reading and reporting, else this would contradict work that began an outage meanwhile.
        """
        outage = await self._outages.outage()
        if outage is not None:
            self._health.failing("model", outage.reason)
        elif not self._at_model:
            self._health.ok("model")
        return outage

    async def _take(self, lane: Lane, use: ModelUse) -> bool:
        calls = use is ModelUse.CALL
        places = self._model_places - len(self._at_model) if calls else RULES_PLACES - len(self._at_rules)
        if calls and lane is Lane.REPLAY:
            places = min(places, self._replay_places - sum(work.replayed for work in self._at_model.values()))
        if places <= 0:
            return False  # a place that becomes free wakes the loop
        taken = await self._queue.claim(lane, places)
        for work in taken:
            self._start(work, use)
        return len(taken) == places and not calls

    async def _probe(self) -> None:
        work = await self._queue.claim_probe()
        if work is not None:
            self._start(work, ModelUse.PROBE)

    async def _wake_upgrades(self) -> None:
        if self._woken_at is not None and self._clock() - self._woken_at < WAKE_SECONDS:
            return
        self._woken_at = self._clock()
        await self._outages.wake_upgrades()

    def _start(self, work: Work, use: ModelUse) -> None:
        held = self._at_model if use in {ModelUse.CALL, ModelUse.PROBE} else self._at_rules
        task = asyncio.create_task(self._guarded(work, use), name="drafting-work")
        held[task] = work
        task.add_done_callback(lambda done: self._ended(held, done))

    def _ended(self, held: dict[asyncio.Task[None], Work], task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            del held[task]  # a cancelled task stays until its work is handed back
            error = task.exception()
            if isinstance(error, Halt):
                self._halt = error
            elif error is not None:
                log.error("A piece of work ended in an unexpected error.", event_name="work_fell", exc_info=error)
        self._freed.set()

    async def _guarded(self, work: Work, use: ModelUse) -> None:
        """Does one piece of work. Its errors, except Halt, affect nothing else."""
        try:
            await self._worker.do(work, use)
            self._health.ok("drafting")
        except Redo:
            await self._back(work, in_seconds=0.0, counted=False)
        except Transient as error:
            self._health.failing("drafting", str(error))
            log.warning(
                "Drafting a package is put off: a server is away or refuses.",
                event_name="work_waits",
                error=str(error),
                attempt=work.attempts,
            )
            await self._back(work, in_seconds=self._backoff(work), counted=False)
        except Halt:
            raise
        except (Exception, asyncio.CancelledError) as error:  # one request must not stop the others
            if is_asked_to_end(error):
                raise
            log.exception("Drafting a package failed.", event_name="work_failed", attempt=work.attempts)
            await self._after_failure(work, use)

    async def _after_failure(self, work: Work, use: ModelUse) -> None:
        if work.attempts < MOST_ATTEMPTS:
            await self._back(work, in_seconds=self._backoff(work), counted=True)
            return
        try:
            if use is not ModelUse.NEVER:
                await self._worker.do(work, ModelUse.NEVER)
                return
        except Transient:
            await self._back(work, in_seconds=self._backoff(work), counted=True)
            return
        except (Exception, asyncio.CancelledError) as error:  # as above; the work is given up next
            if is_asked_to_end(error):
                raise
            log.exception(
                "Drafting by rules failed, too: the work is given up.",
                event_name="work_unprocessable",
                attempt=work.attempts,
            )
        await self._give_up(work)

    async def _give_up(self, work: Work) -> None:
        try:
            await self._worker.give_up(work, "The session could not be turned into a package; see the service's log.")
        except Transient:
            await self._back(work, in_seconds=self._backoff(work), counted=True)

    def _backoff(self, work: Work) -> float:
        """Seconds to wait, with full jitter. A request with a deadline is not put off beyond it."""
        least, most = BACKOFF_SECONDS
        seconds = self._random.uniform(least, max(min(most, 2.0**work.attempts), least))
        if work.deadline_in_seconds is None:
            return seconds
        return max(min(seconds, work.deadline_in_seconds), least)

    async def _back(self, work: Work, *, in_seconds: float, counted: bool) -> None:
        try:
            await self._queue.release(work, in_seconds=in_seconds, counted=counted)
        except Transient:
            log.warning("A lease could not be handed back; it expires.", event_name="lease_not_released")

    async def _renew(self) -> None:
        """Renews leases and claims well before they expire, for as long as the work takes."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            claims = list(self._drafter.held) if self._drafter is not None else []
            try:
                await self._queue.renew([*self._at_model.values(), *self._at_rules.values()])
                await self._ledger.renew(claims)
            except (Exception, asyncio.CancelledError) as error:  # without renewals all work would be done twice
                if is_asked_to_end(error):
                    raise
                why = str(error) if isinstance(error, Transient) else type(error).__name__
                log.warning("Leases could not be renewed.", event_name="renewal_failed", error=why)

    async def _drain(self) -> None:
        under_way = {*self._at_model, *self._at_rules}
        if under_way:
            log.info("Drafting finishes the work under way.", event_name="draining", works=len(under_way))
            await asyncio.wait(under_way, timeout=max(self._drain_seconds - RELEASE_SECONDS, 0.0))

    async def _hand_back(self) -> None:
        """Cancels tasks that still run. Their work is due at once for another process."""
        left = {**self._at_model, **self._at_rules}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        releases = [self._back(work, in_seconds=0.0, counted=False) for work in left.values()]
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await asyncio.gather(*releases)
        except TimeoutError:
            log.warning(
                "Leases could not be handed back in time; they expire.",
                event_name="leases_not_released",
                works=len(left),
            )
        self._at_model.clear()
        self._at_rules.clear()
