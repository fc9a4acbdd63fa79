"""How long each look of an operator takes on a large store: `python -m tests.benchmarks.console [--rows N]`.

A real PostgreSQL holds N sessions (a million), as many requests and packages, ten events for each session, and N / 10
calls, drafts and dead letters; texts are short. Printed, in milliseconds, for each look through the readers that the
console and the commands use: the median and the worst of some runs.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

from rich.console import Console
from rich.table import Table

from consumer.adapters.embedded import ServerName, Servers
from consumer.adapters.postgres.core.migrate import migrate
from consumer.adapters.postgres.core.pool import closing_pool
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.filters import (
    DeadLetterFilter,
    PackageFilter,
    RequestFilter,
    RequestOrder,
    SessionFilter,
)
from consumer.flows.viewing.ports import Viewing
from consumer.flows.viewing.tickets import ticket_name
from consumer.settings import Settings
from consumer.wiring.tables import viewing
from schemas.dead_letters import RefusalReason
from schemas.packages import Cause, PackageStatus
from tests.support.databases import connected

ROWS = 1_000_000
RUNS = 30
BOUND_MS = 100.0

FILL = (
    # Of 1,000 requests one is open and ten have failed. The fallbacks are the oldest: the worst case for their list.
    """
    INSERT INTO sessions (tenant_id, session_id, newest_version, event_count, changed_at)
    SELECT 't' || n % 50, md5(n::text), 10, 10, now() - n * interval '2 seconds' FROM generate_series(1, $1::int) AS n
    """,
    """
    INSERT INTO session_events (tenant_id, session_id, version, arrival, event_id, type, occurred_at, data)
    SELECT 't' || n % 50, md5(n::text), v, v, 'e' || n || '-' || v,
           CASE WHEN v = 1 THEN 'session.opened.v1' ELSE 'session.fact_recorded.v1' END,
           now() - n * interval '2 seconds' + v * interval '1 ms',
           CASE WHEN v = 1 THEN '{"title":"Mail","psa_ticket":{"system":"connectwise","ticket_id":"' || n || '"}}'
                ELSE '{"fact_id":"f' || v || '","text":"Ping works.","source_type":"user_report"}' END
    FROM generate_series(1, $1::int) AS n, generate_series(1, 10) AS v
    """,
    """
    INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals, status,
                          cause, bundle_sha256, content_sha256, prompt_version, model, ticket, event, created_at)
    SELECT md5('p' || n)::uuid, 't' || n % 50, md5(n::text), md5('r' || n), 1, 10, 10,
           CASE WHEN n > $1::int * 0.9 THEN 'fallback' ELSE 'ready' END, 'request', md5(n::text), md5(n::text),
           'v1', 'm', jsonb_build_object('system', 'connectwise', 'ticket_id', n::text),
           '{}', now() - n * interval '2 seconds' + interval '1 second'
    FROM generate_series(1, $1::int) AS n WHERE n % 1000 > 10
    """,
    """
    INSERT INTO requests (tenant_id, session_id, request_id, state, requested_state_version, stored_at,
                          half_deadline_at, deadline_at, due_at, revision, last_package_id, failure, ended_at)
    SELECT 't' || n % 50, md5(n::text), md5('r' || n),
           CASE WHEN n % 1000 = 0 THEN 'open' WHEN n % 1000 <= 10 THEN 'failed' ELSE 'done' END,
           CASE WHEN n % 1000 = 0 THEN 99 ELSE 10 END, now() - n * interval '2 seconds',
           now() + n * interval '1 second',
           now() + n * interval '2 seconds', CASE WHEN n % 1000 = 0 THEN now() + n * interval '1 second' END,
           CASE WHEN n % 1000 > 10 THEN 1 ELSE 0 END, CASE WHEN n % 1000 > 10 THEN md5('p' || n)::uuid END,
           CASE WHEN n % 1000 BETWEEN 1 AND 10 THEN 'session_not_found' END, now() - n * interval '2 seconds'
    FROM generate_series(1, $1::int) AS n
    """,
    """
    INSERT INTO dead_letters (topic, partition, "offset", tenant_id, session_id, request_id, reason, error, excerpt,
                              failed_at)
    SELECT 'escalation-requested', n % 6, n, 't' || n % 50, md5(n::text), md5('r' || n),
           CASE WHEN n % 100 = 0 THEN 'too_large' ELSE 'invalid' END,
           'data.deadline_seconds: too small', '{}', now() - n * interval '20 seconds'
    FROM generate_series(1, $1::int / 10) AS n
    """,
    """
    INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, began_at, ended_at, usd)
    SELECT 't' || n % 50, md5(n::text), md5('r' || n) || '/1', 'draft', 'anthropic', 'm', now(), now(), 0.01
    FROM generate_series(1, $1::int / 10) AS n
    """,
    """
    INSERT INTO drafts (tenant_id, session_id, bundle_sha256, prompt_version, model, state, drafted_for, answer,
                        drafted_at)
    SELECT 't' || n % 50, md5(n::text), md5(n::text), 'v1', 'm', 'drafted', md5('r' || n) || '/1',
           '{"warnings":[]}', now()
    FROM generate_series(1, $1::int / 10) AS n
    """,
    """
    INSERT INTO model_days
    SELECT CASE WHEN t = 0 THEN '' ELSE 't' || t END, d::date, 'anthropic', 'm', 'draft', 1, 1, 1, 1, 1, 1
    FROM generate_series(0, 50) AS t, generate_series(now() - interval '60 days', now(), interval '1 day') AS d
    """,
    "INSERT INTO intake_positions SELECT 'session-state-changed', n, 1000 FROM generate_series(0, 11) AS n",
)


def looks(views: Viewing, ids: Mapping[str, str], deep: str | None) -> dict[str, Callable[[], Awaitable[object]]]:
    """Each look by its name; `ids` are of a request that has all, `deep` a key half-way down."""
    key = RequestKey("t7", ids["session"], ids["request"])
    ticket = ticket_name(f"CW #{ids['number']}")

    def requests(
        order: RequestOrder = RequestOrder.NEWEST, after: str | None = None, **wanted: object
    ) -> Callable[[], Awaitable[object]]:
        return lambda: views.requests(RequestFilter(**wanted), order=order, after=after)  # type: ignore[arg-type]

    def packages(**wanted: object) -> Callable[[], Awaitable[object]]:
        return lambda: views.packages(PackageFilter(**wanted))  # type: ignore[arg-type]

    def sessions(**wanted: object) -> Callable[[], Awaitable[object]]:
        return lambda: views.sessions(SessionFilter(**wanted))  # type: ignore[arg-type]

    def dead_letters(**wanted: object) -> Callable[[], Awaitable[object]]:
        return lambda: views.dead_letters(DeadLetterFilter(**wanted))  # type: ignore[arg-type]

    return {
        "now": views.overview,
        "requests": requests(),
        "requests, half-way down": requests(after=deep),
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
        "sessions of a tenant": sessions(tenant="t7"),
        "sessions, by ticket": sessions(ticket=ticket),
        "sessions, by id's beginning": sessions(id_text=ids["session"][:6]),
        "a session's id": lambda: views.session_keys(ids["session"][:8]),
        "a session's story": lambda: views.session_story(SessionKey("t7", ids["session"])),
        "dead letters": dead_letters(),
        "dead letters, by reason": dead_letters(reason=RefusalReason.TOO_LARGE),
        "dead letters of a tenant": dead_letters(tenant="t7"),
        "dead letters of a session": dead_letters(session=ids["session"]),
        "dead letters, by ticket": dead_letters(ticket=ticket),
    }


async def _timed(look: Callable[[], Awaitable[object]], runs: int) -> tuple[float, float]:
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        await look()
        took.append(1000 * (time.perf_counter() - began))
    spread = statistics.quantiles(took, n=100)
    return spread[49], max(took)


async def _main(rows: int, runs: int) -> int:
    async with Servers(wanted=(ServerName.POSTGRES,)) as servers:
        dsn = servers.postgres.dsn
        await migrate(dsn)
        began = time.monotonic()
        async with connected(dsn) as connection:
            for sql in FILL:
                await connection.execute(sql, *((rows,) if "$1" in sql else ()), timeout=None)
            await connection.execute("VACUUM ANALYZE", timeout=None)
        filled = time.monotonic() - began
        async with closing_pool(dsn, name="bench", max_size=1) as pool:
            number = 57  # of tenant t7, with a package and a dead letter
            ids = dict(
                await pool.fetchrow("SELECT md5($1) AS session, md5('r' || $1) AS request, $1 AS number", str(number))
                or {}
            )
            views = viewing(Settings(), pool)
            middle = await views.requests(
                RequestFilter(until=await pool.fetchval("SELECT now() - $1 * interval '1 second'", rows)), limit=1
            )
            table = Table(
                "look", "p50 ms", "max ms", title=f"{rows:,} requests, {10 * rows:,} events; filled in {filled:.0f} s"
            )
            slow = []
            for name, look in looks(views, ids, middle.next_key).items():
                median, worst = await _timed(look, runs)
                table.add_row(name, f"{median:.1f}", f"{worst:.1f}", style="red" if median > BOUND_MS else "")
                slow += [name] * (median > BOUND_MS)
    Console(width=100).print(table)
    return len(slow)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    sys.exit(asyncio.run(_main(options.rows, options.runs)) > 0)
