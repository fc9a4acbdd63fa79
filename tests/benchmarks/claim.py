"""How long taking up work lasts while 50,000 requests wait: `python -m tests.benchmarks.claim`.

Once all of one tenant, once of 5,000 tenants. Printed, in milliseconds: a claim for one free place and one for eight.
"""

import asyncio
import statistics
import sys
import time

import asyncpg
from rich.console import Console
from rich.table import Table

from consumer.adapters.embedded import ServerName, Servers
from consumer.adapters.postgres.core.migrate import migrate
from consumer.adapters.postgres.core.pool import open_pool
from consumer.domain.redaction import Redactor
from consumer.flows.drafting.ports import Lane
from consumer.settings import Settings
from consumer.wiring.loops import drafting_stores
from tests.support.databases import connected, with_database

WAITING = 50_000
CLAIMS = 200
FILL = """
INSERT INTO requests (tenant_id, session_id, request_id, state, due_at, rank, stored_at, half_deadline_at, deadline_at)
SELECT 't' || n % $2, 's' || n, 'r', 'open', now(), 1 + n % 4, now() - n * interval '1 ms', now() + interval '1 hour',
       now() + interval '2 hours'
FROM generate_series(1, $1::int) AS n
"""


async def _measure(dsn: str, tenants: int) -> list[tuple[str, float, float]]:
    name = f"claim_{tenants}"
    async with connected(dsn) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    dsn = with_database(dsn, name)
    await migrate(dsn)
    async with connected(dsn) as connection:
        await connection.execute(FILL, WAITING, tenants)
        await connection.execute("VACUUM ANALYZE requests")
    pool: asyncpg.Pool[asyncpg.Record] = await open_pool(dsn, name="bench", max_size=2)
    queue = drafting_stores(Settings(), pool, Redactor(b"a key for benchmarks"), has_model=True).queue
    figures = []
    for places in (1, 8):
        took = []
        for _ in range(CLAIMS):
            began = time.perf_counter()
            works = await queue.claim(Lane.MODEL, places)
            took.append(1000 * (time.perf_counter() - began))
            assert len(works) == places
        spread = statistics.quantiles(took[5:], n=100)
        figures.append((f"{tenants:,} tenants, {places} free", spread[49], spread[98]))
    await pool.close()
    return figures


async def _main() -> None:
    async with Servers(wanted=(ServerName.POSTGRES,)) as servers:
        figures = [figure for tenants in (1, 5000) for figure in await _measure(servers.postgres.dsn, tenants)]
    table = Table("claims", "p50 ms", "p99 ms", title=f"{WAITING:,} requests wait")
    for what, median, high in figures:
        table.add_row(what, f"{median:.2f}", f"{high:.2f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
