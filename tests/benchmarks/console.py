"""How long each page and look of an operator takes on a large store: `python -m tests.benchmarks.console [--rows N]`.

A real PostgreSQL holds N sessions (a million), as many requests, packages, calls and words of feedback, ten events for
each session, N / 10 drafts and dead letters, and a year of 200 tenants' spend; texts are short. Printed, in
milliseconds, the least, the median and the worst of some runs: of each page of the console over HTTP, rendering and
client included, and of each look through the readers that the console and the commands use.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich.console import Console
from rich.table import Table

from consumer.adapters.embedded import ServerName, Servers
from consumer.adapters.http.console.links import (
    dead_letter_preview_url,
    dead_letters_url,
    difference_url,
    feedback_url,
    package_url,
    request_url,
    requests_url,
    search_url,
    session_url,
    sessions_url,
    spend_url,
    tenants_url,
)
from consumer.adapters.postgres.core.migrate import migrate
from consumer.adapters.postgres.core.pool import Pool, closing_pool
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.filters import (
    DeadLetterFilter,
    PackageFilter,
    RequestFilter,
    RequestOrder,
    SessionCondition,
    SessionFilter,
)
from consumer.flows.viewing.ports import Viewing
from consumer.flows.viewing.tickets import ticket_name
from consumer.settings import Settings
from consumer.wiring.tables import viewing
from schemas.dead_letters import RefusalReason
from schemas.packages import Cause, PackageStatus
from tests.benchmarks.console_fill import FILL
from tests.support.console import TOKEN, healthy, readers_of, serving, surfing
from tests.support.databases import connected
from tests.support.store_filler import StoreFiller
from tests.support.wire import change, request

ROWS = 1_000_000
RUNS = 30
BOUND_MS = 100.0


def pages(ids: Mapping[str, str], keys: Mapping[str, str], package_id: UUID) -> dict[str, str]:
    """The path of each page by its name, with the filters that people use; `keys` are of rows half-way down."""
    a_year_ago = (datetime.now(UTC) - timedelta(days=364)).date()
    session, tenant = ids["session"], "t7"
    return {
        "Now": "/",
        "Requests": requests_url(),
        "Requests, half-way down": requests_url(after=keys["requests"]),
        "Requests of a tenant": requests_url(tenant=tenant),
        "Requests by ticket": requests_url(ticket=ids["number"]),
        "a request": request_url(tenant, session, ids["request"]),
        "Sessions": sessions_url(),
        "Sessions, half-way down": sessions_url(after=keys["sessions"]),
        "Sessions of a tenant": sessions_url(tenant=tenant),
        "a session": session_url(tenant, session),
        "Search by ticket": search_url(f"#{ids['number']}"),
        "Search by an id's beginning": search_url(session[:4]),
        "Search for nothing known": search_url("zzzz"),
        "Dead letters": dead_letters_url(),
        "Dead letters by reason": dead_letters_url(reason="too_large"),
        "Dead letters of a tenant": dead_letters_url(tenant=tenant),
        "Dead letters of a session": dead_letters_url(session=session),
        "Dead letters, half-way down": dead_letters_url(before=keys["time"]),
        "Dead letters: a preview": dead_letter_preview_url("purge", {}),
        "Dead letters: a preview of a tenant": dead_letter_preview_url("purge", {"tenant": tenant}),
        "Replays": "/replays",
        "Spend": spend_url(),
        "Spend of a year": spend_url(since=a_year_ago),
        "Spend of a tenant": spend_url(tenant=tenant, since=a_year_ago),
        "Spend of nobody": spend_url(tenant="nobody", since=a_year_ago),
        "Feedback": feedback_url(),
        "Feedback of a year": feedback_url(days=365),
        "Feedback of a tenant": feedback_url(tenant=tenant),
        "Feedback of nobody": feedback_url(tenant="nobody"),
        "Feedback, rejected": feedback_url(outcome="rejected"),
        "Feedback, half-way down": feedback_url(before=keys["time"]),
        "Tenants": tenants_url(),
        "a package": package_url(package_id),
        "a package's difference": difference_url(package_id),
    }


def looks(
    views: Viewing, ids: Mapping[str, str], keys: Mapping[str, str]
) -> dict[str, Callable[[], Awaitable[object]]]:
    """Each look by its name; `ids` are of a request that has all, `keys` of rows half-way down."""
    key = RequestKey("t7", ids["session"], ids["request"])
    ticket = ticket_name(f"CW #{ids['number']}")

    def requests(
        order: RequestOrder = RequestOrder.NEWEST, after: str | None = None, **wanted: object
    ) -> Callable[[], Awaitable[object]]:
        return lambda: views.requests(RequestFilter(**wanted), order=order, after=after)  # type: ignore[arg-type]

    def packages(**wanted: object) -> Callable[[], Awaitable[object]]:
        return lambda: views.packages(PackageFilter(**wanted))  # type: ignore[arg-type]

    def sessions(after: str | None = None, **wanted: object) -> Callable[[], Awaitable[object]]:
        return lambda: views.sessions(SessionFilter(**wanted), after=after)  # type: ignore[arg-type]

    def dead_letters(**wanted: object) -> Callable[[], Awaitable[object]]:
        return lambda: views.dead_letters(DeadLetterFilter(**wanted))  # type: ignore[arg-type]

    return {
        "now": views.overview,
        "requests": requests(),
        "requests, half-way down": requests(after=keys["requests"]),
        "requests, oldest first": requests(RequestOrder.OLDEST),
        "requests, by deadline": requests(RequestOrder.DEADLINE),
        "requests of a tenant": requests(tenant="t7"),
        "requests of nobody": requests(tenant="nobody"),
        "requests, open": requests(state=RequestState.OPEN),
        "requests of a tenant, failed": requests(tenant="t7", state=RequestState.FAILED),
        "requests, fallbacks": requests(status=PackageStatus.FALLBACK),
        "requests of a tenant, fallbacks": requests(tenant="t7", status=PackageStatus.FALLBACK),
        "requests, by cause": requests(cause=Cause.UPGRADE),
        "requests, by ticket": requests(ticket=ticket),
        "requests, by id's beginning": requests(id_text=ids["request"][:6]),
        "requests, by one digit": requests(id_text="a"),
        "a request's id": lambda: views.request_keys(ids["request"][:8]),
        "a request's story": lambda: views.request_story(key),
        "a refused request": lambda: views.refused_request(ids["request"]),
        "packages": packages(),
        "packages of a tenant": packages(tenant="t7"),
        "packages of a session": packages(session=ids["session"]),
        "packages, fallbacks": packages(status=PackageStatus.FALLBACK),
        "packages, by ticket": packages(ticket=ticket),
        "sessions": sessions(),
        "sessions, half-way down": sessions(after=keys["sessions"]),
        "sessions of a tenant": sessions(tenant="t7"),
        "sessions of a tenant that left": sessions(tenant="left"),
        "sessions of nobody": sessions(tenant="nobody"),
        "sessions, kept": sessions(condition=SessionCondition.KEPT),
        "sessions, trimmed": sessions(condition=SessionCondition.TRIMMED),
        "sessions of a tenant, trimmed": sessions(tenant="t7", condition=SessionCondition.TRIMMED),
        "sessions, erased": sessions(condition=SessionCondition.ERASED),
        "sessions of a time": sessions(
            since=datetime.fromisoformat(keys["time"]) - timedelta(hours=1), until=datetime.fromisoformat(keys["time"])
        ),
        "sessions, by one digit": sessions(id_text="a"),
        "sessions, by ticket": sessions(ticket=ticket),
        "sessions, by id's beginning": sessions(id_text=ids["session"][:6]),
        "a session's id": lambda: views.session_keys(ids["session"][:8]),
        "a session's story": lambda: views.session_story(SessionKey("t7", ids["session"])),
        "dead letters": dead_letters(),
        "dead letters, by reason": dead_letters(reason=RefusalReason.TOO_LARGE),
        "dead letters of a tenant": dead_letters(tenant="t7"),
        "dead letters of nobody": dead_letters(tenant="nobody"),
        "dead letters, by a reason of none": dead_letters(reason=RefusalReason.CORRUPT),
        "dead letters of a session": dead_letters(session=ids["session"]),
        "dead letters, by ticket": dead_letters(ticket=ticket),
    }


async def _timed(look: Callable[[], Awaitable[object]], runs: int) -> tuple[float, float, float]:
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        await look()
        took.append(1000 * (time.perf_counter() - began))
    spread = statistics.quantiles(took, n=100)
    return min(took), spread[49], max(took)


async def _store_a_package(pool: Pool) -> UUID:
    """A session with two revisions, as the service makes them: what fills the tables by SQL has no text to show."""
    filler = StoreFiller(pool)
    asks = {"subject": "real", "tenantid": "t7"}
    await filler.store(change("session.opened.v1", {"title": "Mail"}, version=0, **asks), request("r", attributes=asks))
    await filler.draft()
    await filler.store(change(version=1, **asks))
    return (await filler.draft())[-1]


async def _measured_pages(dsn: str, paths: Mapping[str, str], runs: int, table: Table) -> int:
    """Adds a row for each page; returns how many are slow."""
    slow = 0
    async with readers_of(dsn, healthy()) as readers, serving(readers, token=TOKEN) as base, surfing(base) as surfer:
        await surfer.sign_in()
        for name, path in paths.items():

            async def look(path: str = path) -> None:
                answer = await surfer.get(path)
                assert answer.status in {200, 303}, (path, answer.said)

            slow += await _measured(name, look, runs, table)
    return slow


async def _measured(name: str, look: Callable[[], Awaitable[object]], runs: int, table: Table) -> int:
    least, median, worst = await _timed(look, runs)
    figures = (f"{figure:.1f}" for figure in (least, median, worst))
    table.add_row(name, *figures, style="red" if median > BOUND_MS else "")
    return median > BOUND_MS


async def measure(dsn: str, package_id: UUID, *, rows: int, runs: int, title: str) -> int:
    """Prints both tables for a store that is filled; returns how many medians are above the bound."""
    pages_table, looks_table = (Table(what, "least ms", "p50 ms", "max ms", title=title) for what in ("page", "look"))
    async with closing_pool(dsn, name="bench", max_size=1) as pool:
        number = 57  # of tenant t7, with a package and a dead letter
        ids = dict(
            await pool.fetchrow("SELECT md5($1) AS session, md5('r' || $1) AS request, $1 AS number", str(number)) or {}
        )
        views = viewing(Settings(), pool)
        until = await pool.fetchval("SELECT now() - $1 * interval '1 second'", rows)
        middle = await views.requests(RequestFilter(until=until), limit=1)
        half_way = await views.sessions(SessionFilter(until=until), limit=1)
        keys = {"requests": middle.next_key or "", "sessions": half_way.next_key or "", "time": until.isoformat()}
        slow = await _measured_pages(dsn, pages(ids, keys, package_id), runs, pages_table)
        for name, look in looks(views, ids, keys).items():
            slow += await _measured(name, look, runs, looks_table)
    Console(width=100).print(pages_table, looks_table)
    return slow


async def _main(rows: int, runs: int) -> int:
    async with Servers(wanted=(ServerName.POSTGRES,)) as servers:
        dsn = servers.postgres.dsn
        await migrate(dsn)
        began = time.monotonic()
        async with closing_pool(dsn, name="bench", max_size=1) as pool:
            package_id = await _store_a_package(pool)
        async with connected(dsn) as connection:
            for sql in FILL:
                await connection.execute(sql, *((rows,) if "$1" in sql else ()), timeout=None)
            await connection.execute("VACUUM ANALYZE", timeout=None)
        title = f"{rows:,} requests, {10 * rows:,} events; filled in {time.monotonic() - began:.0f} s"
        return await measure(dsn, package_id, rows=rows, runs=runs, title=title)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    sys.exit(asyncio.run(_main(options.rows, options.runs)) > 0)
