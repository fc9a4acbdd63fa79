"""What operators look at: metrics, health over HTTP, and the tables."""

import asyncio
import platform
import time
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version

from consumer.adapters import heap
from consumer.adapters.http.console.access import Access
from consumer.adapters.http.console.console import Console
from consumer.adapters.http.console.readers import PolicySender, Readers
from consumer.adapters.http.probes import Probes
from consumer.adapters.http.server import HttpServer
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.adapters.postgres.viewing.accounts import PostgresAccountViews
from consumer.adapters.postgres.viewing.refused_records import PostgresRefusedRecords
from consumer.adapters.postgres.viewing.shown_packages import PostgresPackageShelf
from consumer.adapters.prometheus import CONTENT_TYPE, PrometheusMeters
from consumer.flows.operation.budgets import BudgetWatch
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.operation.metric import LabelValues
from consumer.flows.operation.sampler import Sampler
from consumer.settings import Settings
from consumer.wiring.database import unstored_redactor
from consumer.wiring.jobs.redrives import letter_jobs
from consumer.wiring.jobs.replays import replay_desk
from consumer.wiring.model import PacedModel
from consumer.wiring.policies import policy_event, send_policy
from consumer.wiring.tables import viewing


def metrics() -> PrometheusMeters:
    """Metrics with a registry of their own, which say what runs."""
    meters = PrometheusMeters()
    meters.set(Meter.BUILD_INFO, 1, label=(version("escalation-consumer"), platform.python_version()))
    return meters


def http_server(
    settings: Settings, *, pool: Pool, read_pool: Pool, health: Health, meters: PrometheusMeters
) -> HttpServer:
    """Serves the console, /livez, /readyz and /metrics; port 0 takes a free port. The pools are the console's own."""
    probes = Probes(health, lambda: (meters.exposition(health.stuck()), CONTENT_TYPE))
    access = Access(host=settings.http_host, token=settings.console_token)
    readers = console_readers(settings, pool=pool, read_pool=read_pool, health=health, meters=meters)
    return HttpServer(
        settings.http_host,
        settings.http_port,
        [
            probes,
            Console(access, readers),
        ],
    )


def console_readers(
    settings: Settings, *, pool: Pool, health: Health, meters: PrometheusMeters, read_pool: "Pool | None" = None
) -> Readers:
    """What the console's pages read through; what acts goes through `pool`, and all else where there is no other."""
    reading = pool if read_pool is None else read_pool
    return Readers(
        health=health,
        figures=meters,
        views=viewing(settings, reading),
        packages=PostgresPackageShelf(reading),
        replays=replay_desk(settings, pool),
        refused=PostgresRefusedRecords(reading),
        letters=letter_jobs(
            settings, pool=pool, redactor=unstored_redactor(settings)
        ),  # it foretells; a service stores
        policies=PolicySender(event=policy_event, send=partial(send_policy, settings)),
        accounts=PostgresAccountViews(reading, monthly_budget_usd=settings.monthly_budget_usd),
    )


def store_reader(pool: Pool) -> StoreReader:
    """A reader of the tables for those who look."""
    return StoreReader(pool)


def budget_watch(settings: Settings, *, pool: Pool, meters: Meters) -> BudgetWatch:
    """The look at budgets and at packages that nobody has posted."""
    return BudgetWatch(tables=TenantReader(pool), monthly_budget_usd=settings.monthly_budget_usd, meters=meters)


def sampling_loop(pools: Mapping[str, Pool], model: PacedModel | None, health: Health, meters: Meters) -> Sampler:
    """Looks at the pools of connections and at the pace of calls. Without a model nothing is known of its calls."""

    def connections() -> dict[Meter, dict[LabelValues, float]]:
        used: dict[LabelValues, float] = {}
        for name, pool in pools.items():
            idle = pool.get_idle_size()
            used |= {(name, "busy"): pool.get_size() - idle, (name, "idle"): idle}
        return {Meter.DATABASE_CONNECTIONS: used}

    def calls() -> dict[Meter, dict[LabelValues, float]]:
        if model is None:
            return {}
        allowance = model.pace.allowance
        return {
            Meter.CALL_LIMIT: {"": allowance.calls},
            Meter.CALLS_UNDER_WAY: {"": allowance.under_way},
            Meter.CALL_PAUSE: {"": allowance.pause_seconds},
        }

    def tasks() -> dict[Meter, dict[LabelValues, float]]:
        return {Meter.TASKS: {"": len(asyncio.all_tasks())}}

    readings = (connections, calls, tasks)
    return Sampler(readings=readings, trim=heap.trimming(), health=health, meters=meters, clock=time.monotonic)
