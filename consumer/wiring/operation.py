"""What operators look at: metrics, health over HTTP, and the tables."""

from consumer.adapters.http import HealthServer
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.adapters.prometheus import CONTENT_TYPE, PrometheusMeters
from consumer.flows.operation.budgets import BudgetWatch
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meters
from consumer.settings import Settings


def metrics() -> PrometheusMeters:
    """Metrics with a registry of their own."""
    return PrometheusMeters()


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
