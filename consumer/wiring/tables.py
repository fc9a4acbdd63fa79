"""What the commands do with the tables besides looking at them: prove, export, trim."""

import contextlib
from collections.abc import AsyncIterator

from consumer.adapters.postgres.operation.copying import Export
from consumer.adapters.postgres.operation.proofs import Proofs
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.adapters.postgres.retention import PostgresTrimmer
from consumer.adapters.postgres.viewing.shown_packages import PostgresPackageShelf
from consumer.settings import Settings
from consumer.wiring.database import prepared_database


@contextlib.asynccontextmanager
async def open_proofs(settings: Settings) -> AsyncIterator[Proofs]:
    """Raises Transient as `prepared_database` does; so do the others."""
    async with prepared_database(settings, name="look") as pool:
        yield Proofs(pool)


@contextlib.asynccontextmanager
async def open_export(settings: Settings) -> AsyncIterator[Export]:
    async with prepared_database(settings, name="look") as pool:
        yield Export(pool, source=settings.source)


@contextlib.asynccontextmanager
async def open_trimmer(settings: Settings) -> AsyncIterator[PostgresTrimmer]:
    async with prepared_database(settings, name="look") as pool:
        yield PostgresTrimmer(pool)


@contextlib.asynccontextmanager
async def open_tenants(settings: Settings) -> AsyncIterator[TenantReader]:
    async with prepared_database(settings, name="look") as pool:
        yield TenantReader(pool)


@contextlib.asynccontextmanager
async def open_packages(settings: Settings) -> AsyncIterator[PostgresPackageShelf]:
    async with prepared_database(settings, name="look") as pool:
        yield PostgresPackageShelf(pool)
