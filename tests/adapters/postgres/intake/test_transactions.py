"""The transaction, its locks and its queries."""

import asyncio
import itertools
from collections.abc import Sequence

import asyncpg
import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.errors import Transient
from consumer.flows.inbox import Batch
from tests.adapters.postgres.intake.steps import Store, fact, rows
from tests.support.servers import PostgresServer
from tests.support.wire import arrive, request


class TestTransactions:
    async def test_listeners_are_told_once_a_batch(self, database: str, store: Store) -> None:
        heard: list[str] = []
        listener = await asyncpg.connect(database)
        for channel in ("escalation_due", "escalation_outbox"):
            await listener.add_listener(channel, lambda *notification: heard.append(notification[2]))
        await store(fact("a", version=1), request("r1"), request("r2"), arrive(None), arrive(None))
        await listener.execute("SELECT 1")
        await listener.close()
        assert sorted(heard) == ["escalation_due", "escalation_outbox"]

    @pytest.mark.kills_servers
    async def test_a_killed_database_loses_nothing_accepted(
        self, postgres_server: PostgresServer, pool: Pool, inbox: PostgresInbox
    ) -> None:
        batches = [
            Batch(arrivals=tuple(arrive(fact("x" * 200, version=n * 50 + m)) for m in range(50))) for n in range(40)
        ]
        acknowledged = []
        well_under_way = asyncio.Event()

        async def write() -> None:
            for number in itertools.cycle(range(len(batches))):  # until the kill, however late it comes
                await inbox.store(batches[number])
                acknowledged.append(number)
                if len(acknowledged) == 5:
                    well_under_way.set()

        writing = asyncio.create_task(write())
        await well_under_way.wait()
        await postgres_server.kill()
        with pytest.raises(Transient):
            await writing
        with pytest.raises(Transient):
            await inbox.probe()
        await postgres_server.start()
        await inbox.probe()
        versions = {row["version"] for row in await pool.fetch("SELECT version FROM session_events")}
        assert versions >= {n * 50 + m for n in acknowledged for m in range(50)}
        for batch in batches:
            await inbox.store(batch)
        assert await rows(pool, "sessions", "event_count") == [(2000,)]

    async def test_a_read_only_node_is_away(self, database: str, pool: Pool, store: Store) -> None:
        name = database.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
        await pool.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await pool.expire_connections()
        with pytest.raises(Transient):
            await store(fact("a", version=1))

    @pytest.mark.parametrize("stem", ["replays", "inbox", "erasure", "secrets", "refusals", "redrive"])
    async def test_every_query_can_be_prepared(self, pool: Pool, stem: str) -> None:
        queries = Queries(stem)
        assert queries.names()
        async with pool.acquire() as connection:
            for name in queries.names():
                await connection.prepare(getattr(queries, name))

    async def test_looking_up_does_not_scan(self, pool: Pool) -> None:
        await pool.execute(
            "INSERT INTO sessions (tenant_id, session_id)"
            " SELECT 'default', 'x' || n FROM generate_series(1, 20000) AS n"
        )
        await pool.execute(
            "INSERT INTO session_events SELECT 'default', 'x' || n, v, v, 'e', 't', now(), NULL, NULL"
            " FROM generate_series(1, 5000) AS n, generate_series(1, 5) AS v"
        )
        await pool.execute("ANALYZE")
        async with pool.acquire() as connection:
            for name, arguments in (
                ("lock_sessions", (["default"], ["x7"])),
                ("stored_ids", (["default"], ["x7"], [3])),
                ("wake", (["default"], ["x7"], [3], ["default"], ["x7"], 60.0, 86400.0, 5, 10)),
            ):
                plan = await connection.fetch("EXPLAIN " + getattr(Queries("inbox"), name), *arguments)
                text = "\n".join(row[0] for row in plan)
                assert "Seq Scan on session" not in text, text

    @pytest.mark.parametrize(("later", "within_its_page"), [("2 minutes", 1), ("6 minutes", 0)])
    async def test_a_batch_writes_to_no_index_of_sessions_but_once_in_five_minutes(
        self, pool: Pool, later: str, within_its_page: int
    ) -> None:
        """Lists of sessions go by an index on `changed_around`; on `changed_at` itself each batch would pay for it."""
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO sessions (tenant_id, session_id, changed_at) VALUES"
                " ('default', 'a', date_bin('5 minutes', now(), '2001-01-01 00:00:00+00') + interval '1 minute')"
            )
            advance = Queries("inbox").advance_sessions.replace("now()", f"s.changed_at + interval '{later}'")
            assert "interval" in advance
            await connection.execute(advance, ["default"], ["a"], [2], [2])
            counted = "SELECT pg_stat_get_xact_tuples_hot_updated('sessions'::regclass)"
            assert await connection.fetchval(counted) == within_its_page


def test_the_order_of_locks_is_that_of_python() -> None:
    """Python and the database sort keys; the "C" collation must agree, or batches could deadlock."""
    keys: Sequence[str] = ["a", "B", "ä", "_", "Z", "aa", "\U0001f600", "\uffff"]
    assert sorted(keys) == sorted(keys, key=lambda key: key.encode())
