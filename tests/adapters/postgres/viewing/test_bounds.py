"""What the pages on packages, customers and dead letters read is bounded, however much is stored."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from consumer.adapters.postgres.core.pool import Pool, closing_pool, open_pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing.accounts import PostgresAccountViews
from consumer.adapters.postgres.viewing.look import Looker
from consumer.adapters.postgres.viewing.refused_records import PostgresRefusedRecords
from consumer.adapters.postgres.viewing.viewing import PostgresViewing

STORED = 20_000
LOOKED_AT = 200
"""In place of the bounds in `flows.viewing`, so that few rows are enough to see that they hold."""
MOST_ROWS = 4_000
SINCE = datetime.now(UTC).date() - timedelta(days=40)
ALL = (None,) * 10
FILL = """
INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals, status, cause,
                      bundle_sha256, content_sha256, prompt_version, model, ticket, event, created_at)
SELECT md5(n::text)::uuid, 't' || n % 9, 's' || n, 'r', 1, 1, 1, 'ready', 'request', '', '', 'p', 'm',
       '{"system": "x"}', '{}', now() - make_interval(secs => n) FROM generate_series(1, $1) AS n;
INSERT INTO requests (tenant_id, session_id, request_id, state, last_package_id)
SELECT tenant_id, session_id, request_id, 'done', package_id FROM packages WHERE $1 > 0;
INSERT INTO package_feedback
SELECT CASE WHEN n > $1 - 20 THEN 'rare' ELSE 't' || n % 9 END, 's' || n, n::text, md5(n::text)::uuid::text,
       CASE WHEN n > $1 - 20 THEN 'rejected' ELSE 'accepted' END, '{}', now() - make_interval(secs => n)
FROM generate_series(1, $1) AS n;
INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, began_at, ended_at, usd)
SELECT CASE WHEN n > $1 - 20 THEN 'rare' ELSE 't' || n % 9 END, 's' || n, 'r/1', 'draft', 'anthropic', 'm',
       now() - make_interval(secs => n), now(), n
FROM generate_series(1, $1) AS n;
INSERT INTO dead_letters (topic, partition, "offset", record_ms, tenant_id, session_id, reason, error, excerpt,
                          failed_at)
SELECT 't', 0, n, -1, 't' || n % 9, 's' || n, 'invalid', '', '', now() - make_interval(secs => n)
FROM generate_series(1, $1) AS n;
INSERT INTO session_events (tenant_id, session_id, version, arrival, event_id, type, occurred_at)
SELECT 't', 's', n, n, n::text, 'x', now() FROM generate_series(1, $1) AS n
"""


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = await open_pool(database, name="test", max_size=2)
    for statement in FILL.split(";"):
        await made.execute(statement, STORED)
    for table in re.findall(r"INSERT INTO (\w+)", FILL):
        await made.execute(f"ANALYZE {table}")
    yield made
    await made.close()


async def test_each_query_reads_a_bounded_number_of_rows(pool: Pool) -> None:
    questions: dict[tuple[str, str], tuple[Any, ...]] = {
        ("shown_packages", "package"): (uuid4(),),
        ("shown_packages", "revisions"): ("t1", "s1", "r"),
        ("shown_packages", "before"): (uuid4(),),
        ("shown_packages", "events"): ("t", "s", [1, 2, 3]),
        ("accounts", "by_day"): ("", SINCE),
        ("accounts", "by_model"): ("t1", SINCE),
        ("accounts", "by_tenant"): (SINCE, 50),
        ("accounts", "this_month"): ("",),
        ("accounts", "dearest"): (SINCE, None, LOOKED_AT, 20),
        ("accounts", "policies"): (None, "", 100),
        ("accounts", "feedback"): (None, None, 30.0, None, 51),
        ("accounts", "feedback_sums"): (None, None, 30.0, None, LOOKED_AT),
        ("accounts", "unposted"): (None, 1.0, 20, LOOKED_AT),
        ("refused_records", "records"): (*ALL, LOOKED_AT, 51, None),
        ("refused_records", "counts"): (*ALL, LOOKED_AT),
    }
    known = {(stem, name) for stem in {stem for stem, _ in questions} for name in Queries(stem).names()}
    assert set(questions) == known, "a query that nobody bounds"
    read = {question: await _rows_read(pool, *question, arguments) for question, arguments in questions.items()}
    assert {question: rows for question, rows in read.items() if rows > MOST_ROWS} == {}


async def test_what_is_rare_is_not_looked_for_among_all(pool: Pool) -> None:
    looks = {
        *(("feedback", (tenant, None, 30.0, None, 51)) for tenant in ("rare", "nobody")),
        *(("feedback", (None, outcome, 30.0, None, 51)) for outcome in ("rejected", "failed")),
        *(("feedback_sums", (tenant, None, 30.0, None, LOOKED_AT)) for tenant in ("rare", "nobody")),
        *(("dearest", (SINCE, tenant, LOOKED_AT, 20)) for tenant in ("rare", "nobody")),
    }
    read = {look: await _rows_read(pool, "accounts", *look) for look in looks}
    assert {look: rows for look, rows in read.items() if rows > LOOKED_AT} == {}


@pytest.mark.parametrize("reader", [PostgresAccountViews, PostgresRefusedRecords, PostgresViewing])
async def test_a_page_plans_for_its_own_parameters_and_is_never_compiled(database: str, reader: type[Looker]) -> None:
    """A plan for any parameters would use no index, as each may be null; to compile one takes longer than the page."""
    async with closing_pool(database, name="test", max_size=1) as pool:
        looker = reader.__new__(reader)
        Looker.__init__(looker, pool)
        async with looker._look() as connection:
            asked = "SELECT current_setting('plan_cache_mode'), current_setting('jit')"
            assert tuple(await connection.fetchrow(asked) or ()) == ("force_custom_plan", "off")


async def test_a_look_at_a_whole_table_is_seen(pool: Pool) -> None:
    assert await _rows_read(pool, "accounts", "feedback_sums", (None, None, 30.0, None, STORED)) > STORED


async def _rows_read(pool: Pool, stem: str, name: str, arguments: tuple[Any, ...]) -> float:
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        await connection.fetch(Queries("viewing_now").bound, "5000")
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {getattr(Queries(stem), name)}", *arguments)
    rows_read: float = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in _nodes(json.loads(rows[0][0])[0]["Plan"])
        if node["Node Type"].endswith("Scan") and "Relation Name" in node
    )
    return rows_read


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
