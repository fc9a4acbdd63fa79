"""The SQL queries of drafting."""

import json
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from tests.support.tables import Tables


@pytest.mark.parametrize("stem", ["leases", "ledger", "endings", "outages", "doubts", "sessions"])
async def test_every_query_is_valid_on_an_empty_schema(pool: Pool, stem: str) -> None:
    queries = Queries(stem)
    assert queries.names()
    async with pool.acquire() as connection:
        for name in queries.names():
            await connection.prepare(getattr(queries, name))


TURN = (20.0, 3.0, 8, True, 0, "prompt", "model", None, "t2", 16, 2)
TURN_OF_REPLAY = (20.0, 3.0, 8, True, 2, "prompt", "model", "april", "", 16, 2)
MOST_ROWS = 100
"""Read for eight pieces of work, whatever waits."""


@pytest.mark.parametrize("tenants", [1, 5000])
@pytest.mark.parametrize("waiting", [10, 1], ids=["a tenth waits", "all wait"])
@pytest.mark.failure(30)
async def test_a_claim_reads_a_few_rows_of_its_index(pool: Pool, tables: Tables, tenants: int, waiting: int) -> None:
    await tables.execute(
        "INSERT INTO requests (tenant_id, session_id, request_id, state, due_at, rank, stored_at, deadline_at)"
        " SELECT 't' || n / $2 % $1, 's' || n, 'r', CASE WHEN n % $2 = 0 THEN 'open' ELSE 'done' END,"
        "        CASE WHEN n % $2 = 0 THEN now() - interval '1 s' END, 1 + n % 4, now() - n * interval '1 ms',"
        "        CASE WHEN n % $2 = 0 THEN now() + n * interval '1 s' END"
        " FROM generate_series(1, 50000) AS n",
        tenants,
        waiting,
    )
    await tables.execute("ANALYZE requests")
    queries = Queries("leases")
    for name, index, arguments in [
        ("claim", "requests_turn", TURN),
        ("claim", "requests_turn", TURN_OF_REPLAY),
        ("claim_urgent", "requests_deadline", (20.0, 3.0, 8, 30.0, 2)),
    ]:
        text = getattr(queries, name)
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *arguments)
        plan = json.loads(rows[0][0])[0]["Plan"]
        scans = [node for node in _nodes(plan) if node["Node Type"].endswith("Scan")]
        on_requests = [node for node in scans if node.get("Relation Name") == "requests" or node.get("Index Name")]
        assert index in {node.get("Index Name") for node in scans}, name
        assert not [node for node in on_requests if node["Node Type"] == "Seq Scan"], name
        touched = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in on_requests
        )
        assert touched <= MOST_ROWS, f"{name} touches {touched} rows for 8"


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]
