"""The drafting loop: leases due work, the most urgent first, and brings each piece of work to an end.

There are two kinds of places: few at the model, which work holds for seconds, and many for rules, which work holds for
milliseconds. A fallback never queues behind a call: near a deadline, without a key, or while the model is away, work
takes a place for rules. The more fallbacks wait, the earlier they begin, so that the last one is in time, too. Each
replica reckons as if it made all of them alone: too early costs an upgrade, too late a promise.

Work that was lost twice with its process is suspect: rules draft it, alone. While it is done nothing is begun; calls
under way go on, for their answers come at times that have nothing to do with it.
"""

import asyncio
from collections.abc import Callable
from secrets import SystemRandom

import structlog
from structlog.contextvars import bind_contextvars

from consumer.domain.request.work import Work
from consumer.errors import Halt, Transient
from consumer.flows.drafting import lease_keeper
from consumer.flows.drafting.drafter import Drafter
from consumer.flows.drafting.failures import LOST_DETAIL, Failures
from consumer.flows.drafting.fallback_pace import FallbackPace
from consumer.flows.drafting.finishing import Redo
from consumer.flows.drafting.lease_keeper import LeaseKeeper
from consumer.flows.drafting.ports import Claim, DraftingStores, Lane, Waiting
from consumer.flows.drafting.tracing import Tracing
from consumer.flows.drafting.worker import ModelUse, Worker
from consumer.flows.operation.health import Health
from consumer.flows.operation.phases import PhaseClock
from consumer.flows.pacing import Waker, is_asked_to_end, rest
from schemas.packages import Cause

LOOP = "drafting"
POLL_SECONDS = 1.0
"""How often the queue is asked; hints only make it sooner. It varies a little, so that replicas don't keep step."""
RULES_PLACES = 8
"""Pieces of work without the model at once. Each takes a few milliseconds here and in the database."""
LOOK_SECONDS = 1.0
"""How often this loop looks how many fallbacks may have to be made, and for suspect work."""
WAKE_SECONDS = 10.0
"""How often this loop looks for upgrades that a crash left waiting."""
LONGEST_WORK_SECONDS = 600.0
"""The longest life of a lease; three calls and a database that is away take half of it. An await that never returns
would keep its place and its lease for ever."""
CALLING_SECONDS = 0.5
"""After so long work at the model has folded its session and waits for an answer."""
ALONE_SECONDS = 2.0
"""For so long suspect work may keep other work waiting: less than the margin before a deadline. It takes milliseconds,
unless it kills."""

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
        failures: Failures,
        keeper: LeaseKeeper,
        model_places: int,
        replay_places: int,
        longest_work_seconds: float,
        drain_seconds: float,
        hint: Waker,
        health: Health,
        tracing: Tracing,
        phases: PhaseClock,
        clock: Callable[[], float],
    ) -> None:
        """Without a drafter there is no key, and every package is drafted by rules.

        Replays take at most `replay_places` of the places at the model, so that live work soon finds a free one.
        """
        self._queue = stores.queue
        self._outages = stores.outages
        self._worker = worker
        self._drafter = drafter
        self._model_places = model_places if drafter is not None else 0
        self._replay_places = min(replay_places, self._model_places)
        self._failures = failures
        self._keeper = keeper
        self._longest_work_seconds = longest_work_seconds
        self._drain_seconds = drain_seconds
        self._hint = hint
        self._health = health
        self._tracing = tracing
        self._phases = phases
        self._clock = clock
        self._random = SystemRandom()
        self._at_model: dict[asyncio.Task[None], Work] = {}
        self._at_rules: dict[asyncio.Task[None], Work] = {}
        self._begun: dict[asyncio.Task[None], float] = {}
        self._freed = asyncio.Event()
        self._left = True
        """Whether the last turn may have left work behind: only then is a place that becomes free a reason to look."""
        self._woken_at: float | None = None
        self._pace = FallbackPace(clock)
        self._looked_at: float | None = None
        self._reach_seconds = 0.0
        self._halt: Halt | None = None

    async def run(self, stop: asyncio.Event) -> None:
        renewing = asyncio.create_task(self._keeper.renew(self._renewable, self._claims), name="drafting-renewal")
        paused = False
        try:
            while not stop.is_set():
                self._health.beat(LOOP)
                if self._halt is not None:
                    raise self._halt
                self._freed.clear()
                self._phases.enter("claim")
                try:
                    more = await self._turn()
                    if paused:  # said here, because there may be no work that would say it
                        paused = False
                        self._health.ok("drafting")
                except Transient as error:
                    paused = True
                    self._health.failing("drafting", str(error))
                    more = False
                if not more:
                    self._phases.enter("rest")
                    await rest(stop, self._random.uniform(0.8, 1.2) * POLL_SECONDS, self._hint, self._freed)
            await self._drain()
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._hand_back()

    async def _turn(self) -> bool:
        """Starts the due work for which there are places. Returns whether there may be more right now."""
        await self._keeper.make_up()
        await self._look_at_queue()
        waiting = await self._look()
        self._left = waiting.urgent or waiting.outage is not None
        more = waiting.urgent and await self._take_urgent()
        if self._drafter is None:
            more = await self._take(Lane.MODEL, ModelUse.NEVER, waiting.live) or more
            return await self._take(Lane.REPLAY, ModelUse.NEVER, waiting.replayed) or more
        if waiting.outage is not None:
            self._drafter.slow_down()
            more = await self._take(Lane.RULES, ModelUse.LATER, waiting.live + waiting.replayed) or more
            if waiting.outage.probe_due and len(self._at_model) < self._model_places:
                await self._probe()
            return more
        more = await self._take(Lane.MODEL, ModelUse.CALL, waiting.live) or more
        more = await self._take(Lane.REPLAY, ModelUse.CALL, waiting.replayed) or more
        await self._wake_upgrades()
        return more

    async def _look(self) -> Waiting:
        """Returns what waits, and reports to health the outage that all replicas know of.

        Hazard: no await between reading and reporting, else this would contradict work that began an outage meanwhile.
        """
        limit = RULES_PLACES + self._model_places
        waiting = await self._queue.waiting(limit, reach_seconds=self._reach_seconds)
        if self._drafter is None:
            return waiting
        if waiting.outage is not None:
            self._health.failing("model", waiting.outage.reason)
        elif not self._at_model:
            self._health.ok("model")
        return waiting

    async def _look_at_queue(self) -> None:
        """Once in LOOK_SECONDS: how many fallbacks may have to be made, and whether there is suspect work."""
        if self._looked_at is not None and self._clock() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = self._clock()
        self._reach_seconds = await self._queue.reach(self._pace.seconds)
        if self._clock() >= self._failures.rests_until and await self._queue.any_lost():
            await self._do_alone()

    async def _do_alone(self) -> None:
        """Does suspect work, one piece after the other, while nothing else is begun here; for ALONE_SECONDS or so."""
        until = self._clock() + ALONE_SECONDS
        while await self._is_alone() and self._failures.rests_until <= self._clock() < until:
            work = await self._queue.claim_lost()
            if work is None:
                return
            if work.cause is Cause.REPLAY and work.last is not None and self._drafter is not None:
                # Rules make no replay. An answer comes later, in company.
                await asyncio.wait({self._start(work, ModelUse.CALL)}, timeout=CALLING_SECONDS)
                return
            use = ModelUse.NEVER if self._drafter is None else ModelUse.SPARED
            await asyncio.wait({self._start(work, use)}, timeout=ALONE_SECONDS)

    async def _is_alone(self) -> bool:
        """Waits for a while until no work is under way but calls to the model; returns whether that is so."""
        self._health.beat(LOOP)
        if self._at_rules:
            await asyncio.wait(self._at_rules, timeout=ALONE_SECONDS)
        if any(self._clock() - begun < CALLING_SECONDS for begun in self._begun.values()):
            await asyncio.sleep(CALLING_SECONDS)
        return not self._at_rules

    async def _take_urgent(self) -> bool:
        """As `_take`, for first packages that have to be decided by rules now."""
        places = RULES_PLACES - len(self._at_rules)
        if places <= 0:
            return False
        taken = await self._queue.claim_urgent(places, reach_seconds=self._reach_seconds)
        for work in taken:
            self._start(work, ModelUse.LATER if self._drafter is not None else ModelUse.NEVER)
        return len(taken) == places

    async def _take(self, lane: Lane, use: ModelUse, waiting: int) -> bool:
        """Takes what waits, as far as there are places. Returns whether more may wait."""
        calls = use is ModelUse.CALL
        places = self._model_places - len(self._at_model) if calls else RULES_PLACES - len(self._at_rules)
        if calls and lane is Lane.REPLAY:
            places = min(places, self._replay_places - sum(work.replayed for work in self._at_model.values()))
        limit = min(places, waiting)
        if limit <= 0:
            self._left = self._left or waiting > 0
            return False  # a place that becomes free wakes the loop
        taken = await self._queue.claim(lane, limit)
        self._left = self._left or len(taken) < waiting
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

    def _start(self, work: Work, use: ModelUse) -> "asyncio.Task[None]":
        for known in (*self._at_model.values(), *self._at_rules.values()):
            if known.key == work.key:  # this process stood still for longer than the lease, and lives
                self._keeper.owe(known)
        held = self._at_model if use in {ModelUse.CALL, ModelUse.PROBE} else self._at_rules
        if held is self._at_rules:
            self._pace.begins()
        task = asyncio.create_task(self._guarded(work, use), name="drafting-work")
        held[task] = work
        self._begun[task] = self._clock()
        task.add_done_callback(lambda done: self._ended(held, done))
        return task

    def _ended(self, held: dict[asyncio.Task[None], Work], task: asyncio.Task[None]) -> None:
        self._begun.pop(task, None)
        if held is self._at_rules:
            self._pace.ends()
        if not task.cancelled():
            del held[task]  # a cancelled task stays until its work is handed back
            error = task.exception()
            if isinstance(error, Halt):
                self._halt = error
            elif error is not None:
                log.error("A piece of work ended in an unexpected error.", event_name="work_fell", exc_info=error)
        if self._left or self._halt is not None:
            self._freed.set()

    async def _guarded(self, work: Work, use: ModelUse) -> None:
        """Does one piece of work. Its errors, except Halt, affect nothing else."""
        key = work.key
        bind_contextvars(tenant=key.tenant_id, session=key.session_id, request=key.request_id)  # this task's lines
        try:
            async with asyncio.timeout(self._longest_work_seconds):
                with self._tracing.attempt(work):
                    if work.is_guilty:
                        await self._failures.give_up(work, LOST_DETAIL)
                    elif await self._worker.do(work, use):
                        self._failures.drafted()
            self._health.ok("drafting")
        except Redo:
            self._left = True
            await self._keeper.back(work, in_seconds=0.0, counted=False)
        except Transient as error:
            await self._failures.put_off(work, error)
        except Halt:
            raise
        except (Exception, asyncio.CancelledError) as error:  # one request must not stop the others
            if is_asked_to_end(error):
                raise
            await self._failures.failed(work, error)

    def _renewable(self) -> list[Work]:
        """The work whose lease has not reached its longest life."""
        oldest = self._clock() - self._longest_work_seconds
        held = {**self._at_model, **self._at_rules}
        return [work for task, work in held.items() if self._begun.get(task, oldest) > oldest]

    def _claims(self) -> list[Claim]:
        return list(self._drafter.held) if self._drafter is not None else []

    async def _drain(self) -> None:
        under_way = {*self._at_model, *self._at_rules}
        if under_way:
            log.info("Drafting finishes the work under way.", event_name="draining", works=len(under_way))
            await asyncio.wait(under_way, timeout=max(self._drain_seconds - lease_keeper.RELEASE_SECONDS, 0.0))

    async def _hand_back(self) -> None:
        """Cancels tasks that still run. Their work is due at once for another process."""
        left = {**self._at_model, **self._at_rules}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._keeper.hand_back(left.values())
        self._at_model.clear()
        self._at_rules.clear()
