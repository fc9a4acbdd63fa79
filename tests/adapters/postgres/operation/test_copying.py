"""Packages and sessions leave one real PostgreSQL; packages enter another."""

import json
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation import copying
from consumer.adapters.postgres.operation.copying import Export, Kept, keep
from consumer.domain.events import SessionKey
from consumer.domain.package.export import Copy, read_package
from consumer.domain.package.package import READY_TYPE
from consumer.domain.package.proof import ProofResult
from schemas.topics import READY, SESSIONS
from tests.adapters.postgres.operation.test_proofs import fact, opened, verdicts
from tests.support.store_filler import StoreFiller
from tests.support.wire import change, request

KEY = SessionKey("default", "s1")


class TestCopies:
    """A package copied into another store that got its events from the topics."""

    @pytest.fixture
    async def copies(self, pool: Pool, filler: StoreFiller) -> list[Copy]:
        await filler.store(opened(), fact("Ping works.", version=2), request(reason="The customer waits."))
        await filler.draft()
        await filler.store(fact("Another one.", version=3))
        await filler.draft()
        lines = await Export(pool, source="/test").lines(KEY)
        assert [line["topic"] for line in lines] == [SESSIONS] * 3 + [READY] * 2
        await pool.execute("TRUNCATE sessions, session_events, requests, packages, outbox CASCADE")
        results = [read_package(json.loads(json.dumps(line))) for line in lines[3:]]
        return [result for result in results if isinstance(result, Copy)]

    async def test_one_is_taken_when_its_events_are_there_and_then_proven(
        self, pool: Pool, filler: StoreFiller, copies: list[Copy]
    ) -> None:
        first, second = copies
        assert await keep(pool, first) is Kept.EARLY
        await filler.store(opened(), fact("Ping works.", version=2))
        assert [await keep(pool, copy) for copy in (first, second)] == [Kept.TAKEN, Kept.EARLY]
        await filler.store(fact("Another one.", version=3))
        assert [await keep(pool, copy) for copy in (first, second)] == [Kept.KNOWN, Kept.TAKEN]
        assert await verdicts(pool, [copy.package.package_id for copy in copies]) == [ProofResult.VERIFIED] * 2
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
        assert await pool.fetchval("SELECT count(*) FROM requests WHERE due_at IS NOT NULL") == 0

    async def test_one_that_the_events_do_not_give_is_not_taken(
        self, pool: Pool, filler: StoreFiller, copies: list[Copy]
    ) -> None:
        await filler.store(opened(), fact("Ping fails.", version=2))
        assert await keep(pool, copies[0]) is Kept.OTHER
        assert await pool.fetchval("SELECT count(*) FROM packages") == 0

    async def test_a_request_that_went_its_own_way_here_is_left_alone(
        self, pool: Pool, filler: StoreFiller, copies: list[Copy]
    ) -> None:
        await filler.store(opened(), fact("Ping works.", version=2), request(reason="Asked here."))
        await pool.execute("UPDATE requests SET state = 'failed', due_at = NULL")
        assert await keep(pool, copies[0]) is Kept.REFUSED
        await filler.store(change("session.erased.v1", {}, version=9))
        assert await keep(pool, copies[1]) is Kept.REFUSED
        assert await pool.fetchval("SELECT count(*) FROM packages") == 0

    async def test_of_an_erased_session_the_erasure_alone_is_exported(self, pool: Pool, filler: StoreFiller) -> None:
        await filler.store(opened(), fact("Ping works.", version=2))
        await filler.store(change("session.erased.v1", {}, version=9))
        (line,) = await Export(pool, source="/test").lines(KEY)
        assert line["value"]["type"] == "session.erased.v1"

    async def test_sessions_come_page_by_page_by_tenant(
        self, pool: Pool, filler: StoreFiller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(copying, "_PAGE", 2)
        for number in range(5):
            await filler.store(change(subject=f"s{number}", tenantid="acme"), change(subject=f"s{number}"))
        export = Export(pool, source="/test")
        keys = [key async for key in export.sessions(tenant="acme", session=None)]
        assert keys == [SessionKey("acme", f"s{number}") for number in range(5)]
        assert len([key async for key in export.sessions(tenant=None, session="s3")]) == 2


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"value": {"type": "escalation.package_withdrawn.v1"}}, "value.type"),
        ({"made_from": None}, "made_from"),
        ({"made_from": {"arrivals": 0}}, "made_from.arrivals"),
        ({"value": {"type": "escalation.package_ready.v1", "time": "2026-03-02T09:00:00Z", "data": {}}}, "package."),
    ],
)
def test_a_line_that_is_no_copy_is_named(changed: dict[str, Any], named: str) -> None:
    complaint = read_package(
        {"topic": READY, "key": "s", "value": {"type": READY_TYPE}, "made_from": {"arrivals": 1}} | changed
    )
    assert isinstance(complaint, str)
    assert named in complaint
