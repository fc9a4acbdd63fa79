"""What commands and the console do with the tables: view, prove, export, trim."""

import contextlib
from collections.abc import AsyncIterator

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.copying import Export
from consumer.adapters.postgres.operation.proofs import Proofs
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.adapters.postgres.retention import PostgresTrimmer
from consumer.adapters.postgres.viewing.shown_packages import PostgresPackageShelf
from consumer.adapters.postgres.viewing.viewing import PostgresViewing
from consumer.flows.viewing.ports import Viewing
from consumer.settings import Settings
from consumer.wiring.database import prepared_database


@contextlib.asynccontextmanager
async def open_proofs(settings: Settings) -> AsyncIterator[Proofs]:
    """Raises Transient as `prepared_database` does; so do the others."""
    async with prepared_database(settings, name="look", only_looks=True) as pool:
        yield Proofs(pool)


@contextlib.asynccontextmanager
async def open_export(settings: Settings) -> AsyncIterator[Export]:
    async with prepared_database(settings, name="look", only_looks=True) as pool:
        yield Export(pool, source=settings.source)


@contextlib.asynccontextmanager
async def open_trimmer(settings: Settings) -> AsyncIterator[PostgresTrimmer]:
    async with prepared_database(settings, name="look") as pool:
        yield PostgresTrimmer(pool)


@contextlib.asynccontextmanager
async def open_tenants(settings: Settings) -> AsyncIterator[TenantReader]:
    async with prepared_database(settings, name="look", only_looks=True) as pool:
        yield TenantReader(pool)


@contextlib.asynccontextmanager
async def open_packages(settings: Settings) -> AsyncIterator[PostgresPackageShelf]:
    async with prepared_database(settings, name="look", only_looks=True) as pool:
        yield PostgresPackageShelf(pool)


def viewing(settings: Settings, pool: Pool) -> Viewing:
    """What operators see. Give it a pool of its own: looks must not take connections from the work."""
    return PostgresViewing(pool, monthly_budget_usd=settings.monthly_budget_usd)


@contextlib.asynccontextmanager
async def open_viewing(settings: Settings) -> AsyncIterator[Viewing]:
    async with prepared_database(settings, name="look", only_looks=True) as pool:
        yield viewing(settings, pool)
