"""Erasure is final."""

import json

from consumer.adapters.postgres.core.pool import Pool
from tests.adapters.postgres.intake.steps import (
    TICKET,
    Store,
    erased,
    everything,
    fact,
    finish,
    opened,
    outbox,
    row_of,
    rows,
    script,
)
from tests.support.wire import arrive, cancellation, change, request


class TestErasure:
    async def test_nothing_but_ids_ticket_and_fact_remain(self, pool: Pool, store: Store) -> None:
        await store(
            opened(ticket=TICKET),
            script(version=2),
            fact("kiwi", version=3),
            request(reason="kiwi"),
            request("r2"),
            change(data={"text": "kiwi"}, version=4),
            arrive(b"{ kiwi", key=b"s1"),
        )
        await finish(pool, text="kiwi")
        await pool.execute(
            "INSERT INTO model_doubts VALUES ('default', 's1', 'bundle', 'prompt', 'model', 'model_refused', 'r1/1')"
        )
        await store(erased(version=1, id="end"))
        assert await rows(pool, "cache_evictions", "tenant_id", "session_id") == [("default", "s1")]
        assert "kiwi" not in await everything(pool)
        for table in ("session_events", "session_secrets", "packages", "drafts", "model_doubts"):
            assert await rows(pool, table) == []
        session = await row_of(pool, "SELECT * FROM sessions")
        assert session["erased_at"] is not None
        assert json.loads(session["last_ticket"])["ticket_id"] == "48213"

    async def test_outcomes_of_its_requests(self, pool: Pool, store: Store) -> None:
        await store(opened(ticket=TICKET), request("done"), request("open"), cancellation("foreseen"))
        package_id = await finish(pool, "done")
        await store(erased())
        [failed] = await outbox(pool, "failed")
        assert (failed["data"]["request_id"], failed["data"]["reason"]) == ("open", "session_erased")
        assert failed["data"]["psa_ticket"]["ticket_id"] == "48213"
        [withdrawn] = await outbox(pool, "withdrawn")
        assert (withdrawn["data"]["request_id"], withdrawn["data"]["reason"]) == ("done", "session_erased")
        assert (withdrawn["data"]["revision"], withdrawn["data"]["supersedes"]) == (1, str(package_id))
        assert withdrawn["data"]["psa_ticket"]["ticket_id"] == "7"
        assert await rows(pool, "requests", "request_id", "state") == [("done", "cancelled"), ("open", "failed")]

    async def test_every_other_event_is_dropped(self, pool: Pool, store: Store) -> None:
        stored = await store(fact("kiwi", version=1), erased(version=5), fact("kiwi", version=9))
        assert stored.outcomes["dropped"] == 2
        stored = await store(fact("kiwi", version=3), fact("kiwi", version=50), erased(version=60))
        assert stored.outcomes["dropped"] == 2
        assert "kiwi" not in await everything(pool)
        assert await rows(pool, "session_events") == []

    async def test_an_erasure_is_never_a_conflict(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=1))
        stored = await store(erased(version=1, id="other"))
        assert stored.refused == {}
        assert await rows(pool, "session_events") == []

    async def test_a_request_afterwards_fails(self, pool: Pool, store: Store) -> None:
        await store(opened(ticket=TICKET), erased())
        await store(request(reason="kiwi"))
        await store(request(reason="kiwi"), cancellation("r1"), cancellation("unknown"))
        [failed] = await outbox(pool)
        assert failed["data"]["reason"] == "session_erased"
        assert failed["data"]["psa_ticket"]["ticket_id"] == "48213"
        assert "kiwi" not in await everything(pool)

    async def test_an_excerpt_afterwards_is_empty(self, pool: Pool, store: Store) -> None:
        await store(erased())
        await store(change(data={"text": "kiwi"}, version=4))
        [letter] = await outbox(pool)
        assert letter["excerpt"] == ""

    async def test_an_unreadable_record_with_its_key_shows_nothing_afterwards(self, pool: Pool, store: Store) -> None:
        await store(erased(), fact("a", version=1, subject="s2"))
        await store(arrive(b"{ kiwi", key=b"s1"), arrive(b"{ pear", key=b"s2"))
        assert "kiwi" not in await everything(pool)
        assert "pear" in await everything(pool)

    async def test_of_a_session_nobody_has_heard_of(self, pool: Pool, store: Store) -> None:
        await store(erased())
        await store(fact("kiwi", version=1))
        assert await rows(pool, "session_events") == []

    async def test_the_last_ticket_is_the_newest_by_version(self, pool: Pool, store: Store) -> None:
        await store(
            change("session.described.v1", {"psa_ticket": TICKET | {"ticket_id": "new"}}, version=8),
            change("session.described.v1", {"title": "no ticket here"}, version=9),
            opened(ticket=TICKET),
        )
        await store(erased())
        assert json.loads((await row_of(pool, "SELECT last_ticket FROM sessions"))["last_ticket"])["ticket_id"] == "new"

    async def test_of_another_tenant_it_takes_nothing(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=1, tenantid="x"), erased(tenantid="y"))
        assert await rows(pool, "session_events", "tenant_id") == [("x",)]
