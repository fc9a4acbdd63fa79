"""The service: the life and death of the process.

A start never waits for a server: the loop that needs a server which is away tries again. The end is one visible
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

from consumer.adapters.http import HealthServer
from consumer.adapters.postgres.core import hints
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.prometheus import CONTENT_TYPE, PrometheusMeters
from consumer.domain.redaction import Redactor
from consumer.errors import Transient
from consumer.flows import relay, retention
from consumer.flows.cache import DraftCache
from consumer.flows.drafting import loop as drafting
from consumer.flows.drafting.model import Model
from consumer.flows.intake import loop as intake
from consumer.flows.operation import watch
from consumer.flows.operation.guard import Guard
from consumer.flows.operation.health import Health
from consumer.flows.operation.watch import Watch
from consumer.flows.pacing import rest
from consumer.settings import Settings
from consumer.wiring.database import database, database_hints, open_redactor
from consumer.wiring.loops import (
    drafting_loop,
    drafting_stores,
    intake_loop,
    record_source,
    relay_loop,
    retention_loop,
)
from consumer.wiring.model import open_model
from consumer.wiring.stores import open_cache, prepare_stores
from consumer.wiring.values import retention_rules

EXIT_SECONDS = 24.0
"""The contract's 25, less what the interpreter takes to end."""
CLOSE_SECONDS = 2.0
RELAY_CONNECTIONS = 3
PREPARE_AGAIN_SECONDS = 1.0
WORK_CONNECTIONS = 12
"""Of intake and drafting together: rules and the model's work each hold one only for milliseconds."""

log = structlog.stdlib.get_logger("escalation.service")


def ease_collection() -> None:
    """Makes the interpreter look for garbage less often.

    A batch makes a hundred thousand objects that live until it is stored. With its own thresholds the interpreter would
    look at them again and again.
    """
    gc.collect()
    gc.freeze()  # what the start has made lives as long as the process
    gc.set_threshold(50_000, 20, 20)


class Service:
    """`run` returns after a clean end and raises Halt when the service must not go on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._meters = PrometheusMeters()
        self._health = Health(time.monotonic)
        self._guard = Guard(health=self._health, meters=self._meters, clock=time.monotonic)
        self._ending = asyncio.Event()
        self._hurry = asyncio.Event()
        self._deadline = 0.0

    async def run(self, *, prepare_first: bool = False) -> None:
        ease_collection()
        settings = self._settings
        http = HealthServer(settings.http_host, settings.http_port, self._health, self._exposition)
        port = await http.start()
        log.info("Started.", event_name="started", http_host=settings.http_host, http_port=port)
        try:
            with self._signals():
                async with (
                    database(settings, name="work", max_size=WORK_CONNECTIONS) as work,
                    database(settings, name="relay", max_size=RELAY_CONNECTIONS) as aside,
                    open_cache(settings, self._health) as cache,
                    open_model(settings) as model,
                ):
                    await self._live(work, aside, cache, model, prepare_first=prepare_first)
        finally:
            await http.stop()
        if self._guard.reason is not None:
            raise self._guard.reason
        log.info("Ended.", event_name="ended")

    async def _live(
        self, work: Pool, aside: Pool, cache: DraftCache, model: Model | None, *, prepare_first: bool
    ) -> None:
        reader = StoreReader(aside)
        seen = Watch(tables=reader, health=self._health, meters=self._meters, clock=time.monotonic)
        self._guard.start(watch.LOOP, seen.run)
        try:
            redactor = await self._redactor(reader, prepare_first=prepare_first)
            if redactor is not None:
                self._start_loops(work, aside, redactor, cache, model)
                await self._ending.wait()
        finally:
            await self._shut_down()

    def _start_loops(self, work: Pool, aside: Pool, redactor: Redactor, cache: DraftCache, model: Model | None) -> None:
        settings, health, meters = self._settings, self._health, self._meters
        listening = database_hints(settings)
        publishing = relay_loop(settings, pool=aside, hint=listening.on(hints.OUTBOX), health=health, meters=meters)
        self._guard.start(relay.LOOP, publishing.run)
        taking_in = intake_loop(
            settings,
            source=record_source(settings),
            pool=work,
            redactor=redactor,
            cache=cache,
            health=health,
            meters=meters,
        )
        self._guard.start(intake.LOOP, taking_in.run)
        drafter = drafting_loop(
            settings,
            stores=drafting_stores(settings, work, redactor, has_model=model is not None),
            redactor=redactor,
            cache=cache,
            model=model,
            hint=listening.on(hints.DUE),
            health=health,
            meters=meters,
            replay_places=max(1, settings.model_concurrency // 2),
        )
        self._guard.start(drafting.LOOP, drafter.run)
        if (rules := retention_rules(settings)) is not None:
            self._guard.start(retention.LOOP, retention_loop(rules, pool=aside, cache=cache, health=health).run)
        self._guard.start("hints", listening.run)
        health.retire("hints")  # hints only make things sooner

    async def _redactor(self, reader: StoreReader, *, prepare_first: bool) -> Redactor | None:
        """Waits until the database is prepared; None when the end came first."""
        while not self._ending.is_set():
            try:
                if prepare_first:
                    await prepare_stores(self._settings)
                await reader.probe()
                await reader.whole()
                return await open_redactor(self._settings, reader)
            except Transient as error:
                log.warning(
                    "Waiting for the stores; `escalation-consumer prepare` makes tables and topics.",
                    event_name="waiting_to_be_prepared",
                    error=str(error),
                )
            await rest(self._ending, PREPARE_AGAIN_SECONDS)
        return None

    async def _shut_down(self) -> None:
        """Intake stops, drafting drains, the relay publishes what is there, everything closes.

        Each step is bounded, and the steps together; a second signal leaves out the waiting, not the steps.
        """
        log.info("Ending: intake stops, work under way is finished.", event_name="ending")
        self._guard.ask_to_stop(intake.LOOP, drafting.LOOP, retention.LOOP)
        await self._step(5.0, intake.LOOP)
        await self._step(self._settings.drain_seconds, drafting.LOOP)
        self._guard.ask_to_stop(relay.LOOP)
        await self._step(5.0, relay.LOOP)
        self._guard.ask_to_stop("hints", watch.LOOP)
        await self._step(CLOSE_SECONDS, "hints", watch.LOOP, retention.LOOP)

    async def _step(self, seconds: float, *names: str) -> None:
        """Leaves time for the steps that follow."""
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
        halted = asyncio.create_task(self._guard.halted.wait(), name="halted")
        halted.add_done_callback(lambda _: self._ending.set())
        try:
            yield
        finally:
            halted.cancel()
            for signum in handled:
                loop.remove_signal_handler(signum)

    def _signalled(self, name: str) -> None:
        log.info("A signal asks to end.", event_name="signal", signal=name, again=self._ending.is_set())
        if self._ending.is_set():
            self._hurry.set()
            return
        self._ending.set()
        self._deadline = time.monotonic() + EXIT_SECONDS
        last_resort = threading.Timer(EXIT_SECONDS, os._exit, args=(0,))  # whatever hangs: the promise is 25 s
        last_resort.daemon = True
        last_resort.start()

    def _exposition(self) -> tuple[bytes, str]:
        return self._meters.exposition(self._health.stuck()), CONTENT_TYPE
