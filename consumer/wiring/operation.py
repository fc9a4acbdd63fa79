"""What operators look at: metrics, health over HTTP, and the tables."""

import platform
import time
from collections.abc import Mapping
from importlib.metadata import version

from consumer.adapters.http import HealthServer
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.adapters.prometheus import CONTENT_TYPE, PrometheusMeters
from consumer.flows.operation.budgets import BudgetWatch
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.operation.metric import LabelValues
from consumer.flows.operation.sampler import Sampler
from consumer.settings import Settings
from consumer.wiring.model import PacedModel


def metrics() -> PrometheusMeters:
    """Metrics with a registry of their own, which say what runs."""
    meters = PrometheusMeters()
    meters.set(Meter.BUILD_INFO, 1, label=(version("escalation-consumer"), platform.python_version()))
    return meters


def health_server(settings: Settings, health: Health, meters: PrometheusMeters) -> HealthServer:
    """Serves /livez, /readyz and /metrics; port 0 takes a free port."""
    return HealthServer(
        settings.http_host, settings.http_port, health, lambda: (meters.exposition(health.stuck()), CONTENT_TYPE)
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

    return Sampler(readings=(connections, calls), health=health, meters=meters, clock=time.monotonic)
