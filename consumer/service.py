"""The service: the start and the end of the process.

A start never fails because a server is away: the loop that needs the server tries again. The end is one visible
sequence, `_shut_down`.
"""

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
from typing import Any

import structlog

from consumer.adapters.postgres.core import hints
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.domain.redaction import Redactor
from consumer.errors import Transient
from consumer.flows import forgetting, retention
from consumer.flows.cache import DraftCache
from consumer.flows.drafting import loop as drafting
from consumer.flows.intake import loop as intake
from consumer.flows.operation import budgets, sampler, watch
from consumer.flows.operation.guard import Guard
from consumer.flows.operation.health import Health
from consumer.flows.operation.watch import Watch
from consumer.flows.pacing import is_asked_to_end, rest
from consumer.flows.rebuild import standing
from consumer.flows.rebuild.standing import Standing
from consumer.flows.redrive import redriving as redrive
from consumer.flows.relay import loop as relay
from consumer.settings import Settings
from consumer.wiring.database import database, database_hints, no_trust_yet, open_redactor, read_database
from consumer.wiring.jobs.rebuilds import standing_loop
from consumer.wiring.jobs.redrives import redrive_loop
from consumer.wiring.loops import (
    drafting_loop,
    drafting_stores,
    forgetting_loop,
    intake_loop,
    record_source,
    relay_loop,
    retention_loop,
)
from consumer.wiring.model import PacedModel, open_model
from consumer.wiring.operation import budget_watch, http_server, metrics, sampling_loop, store_reader
from consumer.wiring.stores import open_cache, prepare_stores
from consumer.wiring.tracing import UNTRACED, open_traces
from consumer.wiring.values import retention_rules, work_name

EXIT_SECONDS = 23.0
"""The contract's 25 s (part 9), less what the interpreter takes to end and a busy machine to let it."""
CLOSE_SECONDS = 2.0
STANDING_CONNECTIONS = 3
RELAY_CONNECTIONS = 3
PREPARE_AGAIN_SECONDS = 1.0
CONSOLE_CONNECTIONS = 3
"""For people who look: few, so that they take nothing from the loops."""
ACTING_CONNECTIONS = 2
"""For what people start in the console. Connections are made at their first use."""
WORK_CONNECTIONS = 12
"""For intake and drafting together. Drafting, by rules or by the model, holds a connection only for milliseconds."""

log = structlog.stdlib.get_logger("escalation.service")


def ease_collection() -> None:
    """Makes the interpreter look for garbage less often.

    A batch makes a hundred thousand objects that live until it is stored. With its own thresholds the interpreter would
    look at them again and again.
    """
    gc.collect()
    gc.freeze()  # the objects of the start live as long as the process
    gc.set_threshold(50_000, 20, 20)


class Service:
    """`run` returns after a clean end and raises Halt when the service must not go on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._meters = metrics()
        self._health = Health(time.monotonic)
        self._traces = UNTRACED
        self._guard = Guard(health=self._health, meters=self._meters, clock=time.monotonic)
        self._ending = asyncio.Event()
        self._hurry = asyncio.Event()
        self._deadline = 0.0
        self._last_resort: threading.Timer | None = None

    async def run(self, *, prepare_first: bool = False) -> None:
        ease_collection()
        settings = self._settings
        async with (
            read_database(settings, name="console", max_size=CONSOLE_CONNECTIONS) as read_pool,
            database(settings, name="console-acts", max_size=ACTING_CONNECTIONS) as acting_pool,
        ):
            await self._serve(acting_pool, read_pool, prepare_first=prepare_first)
        if self._guard.reason is not None:
            raise self._guard.reason
        log.info("The service has ended.", event_name="ended")

    async def _serve(self, acting_pool: Pool, read_pool: Pool, *, prepare_first: bool) -> None:
        settings = self._settings
        http = http_server(settings, pool=acting_pool, read_pool=read_pool, health=self._health, meters=self._meters)
        port = await http.start()
        log.info("The service has started.", event_name="started", http_host=settings.http_host, http_port=port)
        try:
            with self._signals():
                trust = no_trust_yet()
                async with (
                    open_traces(settings, os.environ) as self._traces,
                    database(settings, name="standing", max_size=STANDING_CONNECTIONS) as standing_pool,
                    database(settings, name=work_name(settings), max_size=WORK_CONNECTIONS, trust=trust) as work_pool,
                    database(settings, name="relay", max_size=RELAY_CONNECTIONS, trust=trust) as relay_pool,
                    open_cache(settings, self._health) as cache,
                    open_model(settings) as model,
                ):
                    looking = standing_loop(
                        settings, pool=standing_pool, trust=trust, health=self._health, meters=self._meters
                    )
                    sampling = sampling_loop(
                        {"standing": standing_pool, "work": work_pool, "relay": relay_pool, "console": read_pool},
                        model,
                        self._health,
                        self._meters,
                    )
                    self._guard.start(sampler.LOOP, sampling.run)
                    await self._live(work_pool, relay_pool, looking, cache, model, prepare_first=prepare_first)
        finally:
            await http.stop()

    async def _live(
        self,
        work_pool: Pool,
        relay_pool: Pool,
        looking: Standing,
        cache: DraftCache,
        model: PacedModel | None,
        *,
        prepare_first: bool,
    ) -> None:
        reader = store_reader(relay_pool)
        watching = Watch(
            tables=reader, health=self._health, meters=self._meters, clock=time.monotonic, has_model=model is not None
        )
        self._guard.start(watch.LOOP, watching.run)
        try:
            redactor = await self._redactor(reader, prepare_first=prepare_first)
            if redactor is not None and await self._store_is_whole(looking):
                self._start_loops(work_pool, relay_pool, redactor, cache, model)
                await self._ending.wait()
        finally:
            await self._shut_down()

    def _start_loops(
        self, work_pool: Pool, relay_pool: Pool, redactor: Redactor, cache: DraftCache, model: PacedModel | None
    ) -> None:
        settings, health, meters = self._settings, self._health, self._meters
        listening = database_hints(settings)
        publishing = relay_loop(
            settings,
            pool=relay_pool,
            hint=listening.on(hints.OUTBOX),
            health=health,
            meters=meters,
            traces=self._traces,
        )
        self._guard.start(relay.LOOP, publishing.run)
        taking_in = intake_loop(
            settings,
            source=record_source(settings),
            pool=work_pool,
            redactor=redactor,
            health=health,
            meters=meters,
            traces=self._traces,
        )
        self._guard.start(intake.LOOP, taking_in.run)
        writing = drafting_loop(
            settings,
            stores=drafting_stores(settings, work_pool, redactor, has_model=model is not None),
            redactor=redactor,
            cache=cache,
            model=model,
            hint=listening.on(hints.DUE),
            health=health,
            meters=meters,
            replay_places=max(1, settings.model_concurrency // 2),
            traces=self._traces,
        )
        self._guard.start(drafting.LOOP, writing.run)
        making_forget = forgetting_loop(pool=relay_pool, cache=cache, hint=listening.on(hints.FORGET), health=health)
        self._guard.start(forgetting.LOOP, making_forget.run)
        if (rules := retention_rules(settings)) is not None:
            self._guard.start(retention.LOOP, retention_loop(rules, pool=relay_pool, health=health).run)
        again = redrive_loop(settings, pool=work_pool, redactor=redactor, health=health)
        self._guard.start(redrive.LOOP, again.run)
        health.retire(redrive.LOOP)  # dead letters wait for nobody, and nobody for them
        counting = budget_watch(settings, pool=relay_pool, meters=meters)
        self._guard.start(budgets.LOOP, counting.run)
        health.retire(budgets.LOOP)  # it looks once a minute, and nothing waits for it
        self._guard.start("hints", listening.run)
        health.retire("hints")  # without hints work only starts later

    async def _redactor(self, reader: StoreReader, *, prepare_first: bool) -> Redactor | None:
        """Waits until the database is prepared, and returns the redactor; None if the service has to end before."""
        said = ""
        while not self._ending.is_set():
            try:
                if prepare_first:
                    await prepare_stores(self._settings)
                await reader.probe()
                await reader.whole()
                return await open_redactor(self._settings, reader)
            except (Transient, asyncio.CancelledError) as error:
                if is_asked_to_end(error):
                    raise
                if str(error) != said:
                    said = str(error)
                    log.warning(
                        "Waiting for the stores: they are unreachable, or `escalation-consumer prepare` has not run.",
                        event_name="waiting_to_be_prepared",
                        error=said,
                    )
            await rest(self._ending, PREPARE_AGAIN_SECONDS)
        return None

    async def _store_is_whole(self, looking: Standing) -> bool:
        """Waits until the store was held against Kafka, and has caught up if need be. False if the end comes before."""
        self._guard.start(standing.LOOP, looking.run)
        waits = [asyncio.create_task(event.wait()) for event in (looking.checked, self._ending)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return not self._ending.is_set()

    async def _shut_down(self) -> None:
        """Stops intake, lets drafting drain, lets the relay publish the outbox, and closes everything, in this order.

        Each step is bounded in time, and so are all together. A second signal skips the waiting, not the steps.
        """
        log.info("The service is ending: intake stops, work under way is finished.", event_name="ending")
        self._guard.ask_to_stop(intake.LOOP, drafting.LOOP, retention.LOOP, redrive.LOOP)
        await self._step(5.0, intake.LOOP, redrive.LOOP)
        await self._step(self._settings.drain_seconds, drafting.LOOP)
        self._guard.ask_to_stop(relay.LOOP)
        await self._step(5.0, relay.LOOP)
        self._guard.ask_to_stop("hints", budgets.LOOP, watch.LOOP, sampler.LOOP, standing.LOOP, forgetting.LOOP)
        await self._step(
            CLOSE_SECONDS, "hints", watch.LOOP, sampler.LOOP, standing.LOOP, retention.LOOP, forgetting.LOOP
        )

    async def _step(self, seconds: float, *names: str) -> None:
        """Waits for these loops to end, but leaves time for the steps that follow."""
        left = min(seconds, self._deadline - CLOSE_SECONDS - time.monotonic()) if self._deadline else seconds
        waiting = asyncio.create_task(self._guard.ended(*names, within_seconds=left), name="ending")
        hurry = asyncio.create_task(self._hurry.wait(), name="hurry")
        await asyncio.wait({waiting, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not waiting.done():
            waiting.cancel()
            await self._guard.ended(*names, within_seconds=0)
        await asyncio.gather(waiting, hurry, return_exceptions=True)

    @contextlib.contextmanager
    def _signals(self) -> Any:
        loop = asyncio.get_running_loop()
        handled = (signal.SIGTERM, signal.SIGINT)
        for signum in handled:
            loop.add_signal_handler(signum, self._signalled, signum.name)
            signal.signal(signum, self._promise_an_end)  # the event loop, which hears of it too, may be blocked
        halted = asyncio.create_task(self._guard.halted.wait(), name="halted")
        halted.add_done_callback(lambda _: self._ending.set())
        try:
            yield
        finally:
            halted.cancel()
            for signum in handled:
                loop.remove_signal_handler(signum)

    def _signalled(self, name: str) -> None:
        log.info("A signal asks the service to end.", event_name="signal", signal=name, again=self._ending.is_set())
        if self._ending.is_set():
            self._hurry.set()
            return
        self._ending.set()
        self._deadline = time.monotonic() + EXIT_SECONDS

    def _promise_an_end(self, *_: object) -> None:
        """Runs between two instructions, whatever computes. 25 s are promised."""
        if self._last_resort is None:
            self._last_resort = threading.Timer(EXIT_SECONDS, os._exit, args=(0,))
            self._last_resort.daemon = True
            self._last_resort.start()
