"""What the looks of operators read: indexes, and few rows, whatever the store holds."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.flows.viewing.filters import SessionCondition
from tests.benchmarks.console_fill import FILL

STEMS = ("viewing_requests", "viewing_packages", "viewing_sessions", "viewing_dead_letters", "viewing_now")
ROWS = 10_000
BIG = {"sessions", "requests", "packages", "session_events", "dead_letters", "model_calls", "drafts"}
MOST_ROWS = 2_000
"""Read for a page of 51, whatever is stored: what a filter may throw away on the way included."""
SESSION = ("t7", "72b32a1f754ba1c09b3695e0cb6cde7f")
"""Number 57, as the benchmark fills it."""


def requests(*given: tuple[int, object], packaged: bool = False) -> tuple[object, ...]:
    """The parameters of a page of requests; `given` are numbers of parameters and their values."""
    values: list[object] = [None] * 13 if packaged else [None] * 15
    for number, value in given:
        values[number - 1] = value
    return (*values, 51)


HALF_WAY = datetime.now(UTC) - timedelta(seconds=ROWS)
"""The time of the row in the middle, as the benchmark fills it."""


def plain(count: int, *given: tuple[int, object], limit: int) -> tuple[object, ...]:
    values: list[object] = [None] * count
    for number, value in (*given, (limit, 51)):
        values[number - 1] = value
    return tuple(values)


LOOKS: list[tuple[str, str, tuple[object, ...]]] = [
    ("viewing_requests", "newest", requests()),
    ("viewing_requests", "oldest", requests()),
    ("viewing_requests", "deadline", requests()),
    ("viewing_requests", "newest", requests((1, "t7"))),
    ("viewing_requests", "newest", requests((1, "nobody"))),
    ("viewing_requests", "newest", requests((2, SESSION[1]))),
    ("viewing_requests", "newest", requests((3, "failed"))),
    ("viewing_requests", "newest", requests((6, "7f3"), (7, "7f3\U0010ffff"))),
    ("viewing_requests", "newest", requests((10, [SESSION[0]]), (11, [SESSION[1]]))),
    ("viewing_requests", "newest_packaged", requests((4, "fallback"), packaged=True)),
    ("viewing_requests", "newest_packaged", requests((5, "upgrade"), packaged=True)),
    ("viewing_requests", "oldest_packaged", requests((4, "ready"), packaged=True)),
    ("viewing_requests", "beginning_with", ("7f3", "7f3\U0010ffff", None, None, 10)),
    ("viewing_requests", "one_request", (*SESSION, "r")),
    ("viewing_requests", "newest_events", (*SESSION, 20)),
    ("viewing_requests", "calls", (*SESSION, "r", 200)),
    ("viewing_requests", "ledger", (*SESSION, "r", 200)),
    ("viewing_requests", "near_deadline", (60.0, 20)),
    ("viewing_requests", "ahead", (10_000, 10, 15.0, 20)),
    ("viewing_packages", "newest", plain(12, limit=12)),
    ("viewing_packages", "newest", plain(12, (1, "t7"), limit=12)),
    ("viewing_packages", "newest", plain(12, (2, SESSION[1]), limit=12)),
    ("viewing_packages", "newest", plain(12, (4, "fallback"), limit=12)),
    ("viewing_packages", "newest", plain(12, (8, "57"), limit=12)),
    ("viewing_sessions", "newest", plain(12, limit=12)),
    ("viewing_sessions", "newest", plain(12, (1, "t7"), limit=12)),
    ("viewing_sessions", "newest", plain(12, (1, "left"), limit=12)),
    ("viewing_sessions", "newest", plain(12, (1, "nobody"), limit=12)),
    *(("viewing_sessions", "newest", plain(12, (2, left), limit=12)) for left in SessionCondition),
    ("viewing_sessions", "newest", plain(12, (1, "t7"), (2, "trimmed"), limit=12)),
    ("viewing_sessions", "newest", plain(12, (3, "7f3"), (4, "7f3\U0010ffff"), limit=12)),
    ("viewing_sessions", "newest", plain(12, (5, HALF_WAY - timedelta(hours=1)), (6, HALF_WAY), limit=12)),
    ("viewing_sessions", "newest", plain(12, (9, HALF_WAY), (10, "t7"), (11, ""), limit=12)),
    ("viewing_sessions", "newest", plain(12, (7, [SESSION[0]]), (8, [SESSION[1]]), limit=12)),
    ("viewing_sessions", "with_ticket", ("57", None, 500)),
    ("viewing_sessions", "last_tickets", ([SESSION[0]], [SESSION[1]])),
    ("viewing_sessions", "one_session", SESSION),
    ("viewing_dead_letters", "newest", plain(15, limit=15)),
    ("viewing_dead_letters", "newest", plain(15, (4, SESSION[1]), limit=15)),
    ("viewing_dead_letters", "newest", plain(15, (5, "r"), limit=15)),
    ("viewing_dead_letters", "newest", plain(15, (3, SESSION[0]), (4, SESSION[1]), limit=15)),
    ("viewing_dead_letters", "of_request", ("r", None, None, 200)),
]


@pytest.mark.parametrize("stem", STEMS)
async def test_every_query_is_valid_on_an_empty_schema(pool: Pool, stem: str) -> None:
    queries = Queries(stem)
    assert queries.names()
    async with pool.acquire() as connection:
        for name in queries.names():
            await connection.prepare(getattr(queries, name))


async def test_no_look_scans_a_big_table_or_reads_many_rows_for_a_page(pool: Pool) -> None:
    """One test, for the store is filled once."""
    async with pool.acquire() as connection:
        for sql in FILL:
            await connection.execute(sql, *((ROWS,) if "$1" in sql else ()), timeout=60)
        for table in sorted(BIG):
            await connection.execute(f"ANALYZE {table}")
        wrong = [
            f"{stem}.{name} {number}: {plan}"
            for number, (stem, name, arguments) in enumerate(LOOKS)
            for plan in await _wrong(connection, getattr(Queries(stem), name), arguments)
        ]
    assert not wrong, "\n".join(wrong)


async def _wrong(connection: Connection, sql: str, arguments: tuple[object, ...]) -> list[str]:
    async with connection.transaction(readonly=True):
        await connection.fetch(Queries("viewing_now").bound, "5000")
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)
    nodes = _nodes(json.loads(rows[0][0])[0]["Plan"])
    scans = [node for node in nodes if node["Node Type"].endswith("Scan")]
    seq = [str(node["Relation Name"]) for node in scans if node["Node Type"] == "Seq Scan"]
    touched = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans
    )
    return [f"scans {name}" for name in seq if name in BIG] + [f"touches {touched:.0f} rows"] * (touched > MOST_ROWS)


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]
