"""The service, put together: the one place that knows every concrete class.

A start never waits for a server: whatever is away is tried again by the loop that needs it. The end is one visible
sequence, `_shut_down`.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from consumer.adapters.http import HealthServer
from consumer.adapters.kafka.admin import prepare_topics
from consumer.adapters.kafka.client import connection
from consumer.adapters.kafka.consumer import KafkaSource
from consumer.adapters.kafka.relay import KafkaBroker
from consumer.adapters.postgres.core import hints, migrate
from consumer.adapters.postgres.core.faults import AWAY, describe_error
from consumer.adapters.postgres.core.pool import Pool, closing_pool
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.adapters.postgres.operation.look import StoreReader
from consumer.adapters.postgres.outbox import PostgresOutbox
from consumer.adapters.postgres.retention import PostgresTrimmer
from consumer.adapters.prometheus import CONTENT_TYPE, PrometheusMeters
from consumer.adapters.redis import RedisCache
from consumer.composition import drafting_loop, open_cache, open_model, revision_rules, sender
from consumer.domain.redaction import Redactor
from consumer.errors import Transient
from consumer.flows import relay, retention
from consumer.flows.drafting import loop as drafting
from consumer.flows.intake import loop as intake
from consumer.flows.operation import watch
from consumer.flows.operation.guard import Guard
from consumer.flows.operation.health import Health
from consumer.flows.retention import DAY_SECONDS, RetentionRules
from consumer.settings import Settings
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.adapters.anthropic import Anthropic

EXIT_SECONDS = 24.0
"""The contract's 25, less what the interpreter takes to end."""
CLOSE_SECONDS = 2.0
PREPARE_AGAIN_SECONDS = 1.0
WORK_CONNECTIONS = 12
"""Of intake and drafting together: rules and the model's work each hold one only for milliseconds."""

log = structlog.stdlib.get_logger("escalation.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What `prepare` did; empty when all was there."""

    migrations: list[str]
    topics: list[str]


async def prepare_stores(settings: Settings) -> Prepared:
    """Migrations, the redaction key and the topics. Safe to repeat, and by several at once. Raises Transient."""
    applied = await prepare_database(settings)
    marker = settings.topic_prefix + relay.MARKER_TOPIC
    made = await prepare_topics(connection(settings), Topics(settings.topic_prefix), marker)
    return Prepared(migrations=applied, topics=made)


def retention_rules(settings: Settings, *, days: float | None = None) -> RetentionRules | None:
    """As the settings say, or for so many `days`; None where everything is kept."""
    if not (days if days is not None else settings.retention_days):
        return None
    keys = settings.key_retention_days
    return RetentionRules(
        content_seconds=(settings.retention_days if days is None else days) * DAY_SECONDS,
        keys_seconds=keys * DAY_SECONDS if keys else None,
        window_seconds=settings.revise_window_seconds,
    )


async def prepare_database(settings: Settings) -> list[str]:
    """Migrations and the redaction key; the names of the migrations applied. Raises Transient."""
    dsn = settings.database_url.get_secret_value()
    try:
        applied = await migrate.migrate(dsn)
    except AWAY as error:
        raise Transient(f"PostgreSQL: {describe_error(error)}") from error
    async with closing_pool(dsn, name="prepare", max_size=1) as connections:
        await StoreReader(connections).make_redaction_key()
    return applied


def ease_collection() -> None:
    """Has the interpreter look for garbage less often.

    A batch makes a hundred thousand objects that all live until it is stored; the interpreter's own thresholds would
    look at them time and again.
    """
    gc.collect()
    gc.freeze()  # what the start has made lives as long as the process
    gc.set_threshold(50_000, 20, 20)


class Service:
    """`run` returns after a clean end and raises Halt when the service must not go on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = Topics(settings.topic_prefix)
        self._meters = PrometheusMeters()
        self._health = Health(time.monotonic)
        self._guard = Guard(health=self._health, meters=self._meters, clock=time.monotonic)
        self._ending = asyncio.Event()
        self._hurry = asyncio.Event()
        self._deadline = 0.0

    async def run(self, *, prepare_first: bool = False) -> None:
        ease_collection()
        http = HealthServer(self._settings.http_host, self._settings.http_port, self._health, self._exposition)
        port = await http.start()
        log.info("Started.", event_name="started", http_host=self._settings.http_host, http_port=port)
        try:
            dsn = self._settings.database_url.get_secret_value()
            with self._signals():
                async with (
                    closing_pool(dsn, name="work", max_size=WORK_CONNECTIONS) as work,
                    closing_pool(dsn, name="relay", max_size=3) as aside,
                    open_cache(self._settings, self._health) as cache,
                    open_model(self._settings) as model,
                ):
                    await self._live(work, aside, cache, model, prepare_first=prepare_first)
        finally:
            await http.stop()
        if self._guard.reason is not None:
            raise self._guard.reason
        log.info("Ended.", event_name="ended")

    async def _live(
        self, work: Pool, aside: Pool, cache: RedisCache, model: "Anthropic | None", *, prepare_first: bool
    ) -> None:
        look = StoreReader(aside)
        listening = hints.Hints(self._settings.database_url.get_secret_value())
        seen = watch.Watch(tables=look, health=self._health, meters=self._meters, clock=time.monotonic)
        self._guard.start(watch.LOOP, seen.run)
        try:
            key = await self._redaction_key(look, prepare_first=prepare_first)
            if key is not None:
                redactor = Redactor(key)
                self._guard.start(relay.LOOP, self._relay(aside, listening).run)
                self._guard.start(intake.LOOP, self._intake(work, redactor, cache).run)
                self._guard.start(drafting.LOOP, self._drafting(work, redactor, listening, cache, model).run)
                if (rules := retention_rules(self._settings)) is not None:
                    trimmer = PostgresTrimmer(aside)
                    trimming = retention.Retention(trimmer=trimmer, cache=cache, rules=rules, health=self._health)
                    self._guard.start(retention.LOOP, trimming.run)
                self._guard.start("hints", listening.run)
                self._health.retire("hints")  # it only makes things sooner
                await self._ending.wait()
        finally:
            await self._shut_down()

    async def _redaction_key(self, look: StoreReader, *, prepare_first: bool) -> bytes | None:
        """Waits until the database is prepared; None when the end came first."""
        given = self._settings.redaction_key
        while not self._ending.is_set():
            try:
                if prepare_first:
                    await prepare_stores(self._settings)
                await look.probe()
                await look.whole()
                return given.get_secret_value().encode() if given else await look.redaction_key()
            except Transient as error:
                log.warning(
                    "Waiting for the stores; `escalation-consumer prepare` makes tables and topics.",
                    event_name="waiting_to_be_prepared",
                    error=str(error),
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), PREPARE_AGAIN_SECONDS)
        return None

    def _intake(self, work: Pool, redactor: Redactor, cache: RedisCache) -> intake.Intake:
        settings = self._settings
        return intake.Intake(
            source=KafkaSource(
                connection(settings),
                group=settings.topic_prefix + settings.consumer_group,
                topics=self._topics,
                session_timeout_seconds=settings.session_timeout_seconds,
                batch_records=settings.intake_batch_records,
            ),
            inbox=PostgresInbox(work, sender=sender(settings), redactor=redactor, revisions=revision_rules(settings)),
            redactor=redactor,
            topics=self._topics,
            health=self._health,
            meters=self._meters,
            cache=cache,
        )

    def _drafting(
        self, work: Pool, redactor: Redactor, listening: hints.Hints, cache: RedisCache, model: "Anthropic | None"
    ) -> drafting.Drafting:
        settings = self._settings
        return drafting_loop(
            settings,
            pool=work,
            redactor=redactor,
            cache=cache,
            model=model,
            hint=listening.on(hints.DUE),
            health=self._health,
            meters=self._meters,
            replay_places=max(1, settings.model_concurrency // 2),
        )

    def _relay(self, aside: Pool, listening: hints.Hints) -> relay.Relay:
        settings, prefix = self._settings, self._settings.topic_prefix
        return relay.Relay(
            name=f"{socket.gethostname()}:{os.getpid()}",
            outbox=PostgresOutbox(aside, name=prefix + relay.NAME, lease_seconds=settings.lease_seconds),
            broker=KafkaBroker(
                connection(settings),
                transactional_id=prefix + relay.NAME,
                group=prefix + relay.NAME,
                marker_topic=prefix + relay.MARKER_TOPIC,
                transaction_seconds=settings.relay_transaction_seconds,
            ),
            hint=listening.on(hints.OUTBOX),
            health=self._health,
            meters=self._meters,
            clock=time.monotonic,
            batch_rows=settings.relay_batch_rows,
        )

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
        for one in handled:
            loop.add_signal_handler(one, self._signalled, one.name)
        halted = asyncio.create_task(self._guard.halted.wait(), name="halted")
        halted.add_done_callback(lambda _: self._ending.set())
        try:
            yield
        finally:
            halted.cancel()
            for one in handled:
                loop.remove_signal_handler(one)

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
