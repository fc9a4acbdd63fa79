"""The inbox against a real PostgreSQL."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from consumer.adapters.postgres.inbox import PostgresInbox
from consumer.adapters.postgres.pool import Pool, open_pool
from consumer.adapters.postgres.sql import Queries
from consumer.domain import package
from consumer.domain.decode import Decoded
from consumer.domain.events import RequestKey, SessionEvent
from consumer.domain.package import Sender
from consumer.errors import Transient
from consumer.flows.intake import Batch, Stored
from consumer.flows.schedule import RevisionRules
from schemas.topics import REQUESTS, SESSIONS
from tests.support.servers import PostgresServer
from tests.support.wire import FACT, REDACTOR, TOPICS, arrive, cancellation, change, request

RULES = RevisionRules(after_seconds=60, window_seconds=86_400, limit=5)
SECRET = "Hunter-77-blue!"
TICKET = {"system": "connectwise", "ticket_id": "48213"}


def fact(text: str, *, version: int, **attributes: Any) -> dict[str, Any]:
    return change(data=FACT | {"fact_id": f"f{version}", "text": text}, version=version, **attributes)


def opened(*, version: int = 1, ticket: dict[str, str] | None = None, **attributes: Any) -> dict[str, Any]:
    data = {"title": "Printer offline", "psa_ticket": ticket}
    return change("session.opened.v1", data, version=version, **attributes)


def script(*, version: int, secret: str = SECRET, **attributes: Any) -> dict[str, Any]:
    schema = {"parameters": [{"key": "pw", "field_type": "password"}]}
    data = {
        "generation_id": f"g{version}",
        "template": {"name": "Map drive", "parameters_schema": schema},
        "parameters_used": {"pw": secret},
    }
    return change("session.script_generated.v1", data, version=version, **attributes)


def erased(*, version: int = 99, **attributes: Any) -> dict[str, Any]:
    return change("session.erased.v1", {}, version=version, **attributes)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    found = await open_pool(database, name="test", max_size=6)
    yield found
    await found.close()


@pytest.fixture
def inbox(pool: Pool) -> PostgresInbox:
    return PostgresInbox(pool, sender=Sender(topics=TOPICS, source="/test"), redactor=REDACTOR, revisions=RULES)


Store = Callable[..., Awaitable[Stored]]


@pytest.fixture
def store(inbox: PostgresInbox) -> Store:
    async def stored(*values: Any, **details: Any) -> Stored:
        arrivals = tuple(value if isinstance(value, Decoded) else arrive(value) for value in values)
        return await inbox.store(Batch(arrivals=arrivals, **details))

    return stored


async def rows(pool: Pool, table: str, *columns: str) -> list[tuple[Any, ...]]:
    wanted = ", ".join(columns)
    return [tuple(row) for row in await pool.fetch(f"SELECT {wanted or '*'} FROM {table} ORDER BY {wanted or 1}")]


async def one(pool: Pool, sql: str, *arguments: Any) -> dict[str, Any]:
    row = await pool.fetchrow(sql, *arguments)
    assert row is not None
    return dict(row)


async def request_row(pool: Pool, request_id: str = "r1") -> dict[str, Any]:
    return await one(pool, "SELECT *, due_at <= now() AS due FROM requests WHERE request_id = $1", request_id)


async def outbox(pool: Pool, kind: str = "") -> list[dict[str, Any]]:
    found = await pool.fetch("SELECT value FROM outbox ORDER BY id")
    events = [json.loads(row["value"]) for row in found]
    return [one for one in events if kind in one.get("type", one.get("reason", ""))]


async def everything(pool: Pool) -> str:
    """All that is stored, as one text."""
    tables = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    found = [await pool.fetch(f'SELECT t::text FROM "{row["tablename"]}" AS t') for row in tables]
    values = await pool.fetch("SELECT convert_from(value, 'UTF8') AS text FROM outbox")
    return "\n".join(row[0] for part in [*found, values] for row in part)


async def finish(pool: Pool, request_id: str = "r1", *, text: str = "a package") -> UUID:
    """As the drafters would have left it after the first package, which waits to be published."""
    key = RequestKey("default", "s1", request_id)
    package_id = package.package_id(package.note_key(key), 1)
    data = {"title": text, "markdown": text, "plain_text": text, "content_sha256": "0", "sections": []}
    await pool.execute(
        "INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals,"
        " status, cause, bundle_sha256, content_sha256, prompt_version, ticket, event)"
        " VALUES ($1, $2, $3, $4, 1, 1, 1, 'ready', 'request', 'b', '0', 'p', $5, $6)",
        package_id,
        *key,
        json.dumps({**TICKET, "ticket_id": "7", "connection_id": None, "record_type": None}),
        json.dumps(data),
    )
    await pool.execute(
        "INSERT INTO outbox (topic, key, headers, value, tenant_id, session_id)"
        " VALUES ('escalation-package-ready', 's1', '[[\"ce_type\", \"escalation.package_ready.v1\"]]', $1, $2, $3)",
        json.dumps({"type": "escalation.package_ready.v1", "data": data}).encode(),
        *key.session,
    )
    await pool.execute(
        "UPDATE requests SET state = 'done', revision = 1, last_package_id = $1, first_done_at = now(), due_at = NULL"
        " WHERE request_id = $2",
        package_id,
        request_id,
    )
    return package_id


class TestEvents:
    async def test_events_are_stored_in_order_of_arrival(self, pool: Pool, store: Store) -> None:
        stored = await store(fact("late", version=5), fact("early", version=2))
        assert stored.outcomes["stored"] == 2
        assert await rows(pool, "session_events", "version", "arrival") == [(2, 2), (5, 1)]
        assert await rows(pool, "sessions", "newest_version", "event_count") == [(5, 2)]

    async def test_the_same_event_again_is_a_no_op(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=1), fact("a", version=1))
        stored = await store(fact("a", version=1))
        assert stored.outcomes["repeated"] == 1
        assert await rows(pool, "sessions", "event_count") == [(1,)]
        assert await rows(pool, "dead_letters") == []

    async def test_equal_session_ids_of_two_tenants_never_meet(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=1, tenantid="x"), fact("b", version=1, tenantid="y", id="other"))
        assert await rows(pool, "session_events", "tenant_id") == [("x",), ("y",)]

    async def test_unknown_types_count_as_arrived(self, pool: Pool, store: Store) -> None:
        await store(change("session.rated.v1", {"stars": 5}, version=4))
        assert await rows(pool, "session_events", "version", "data") == [(4, None)]
        assert await rows(pool, "sessions", "newest_version") == [(4,)]

    @pytest.mark.parametrize("seed", range(3))
    async def test_order_repetition_and_batches_change_nothing(self, pool: Pool, store: Store, seed: int) -> None:
        chance = random.Random(seed)
        values = [fact(f"text {version}", version=version, subject=f"s{version % 3}") for version in range(1, 25)]
        values += chance.sample(values, 8)
        chance.shuffle(values)
        while values:
            size = chance.randint(1, 6)
            await store(*values[:size])
            values = values[size:]
        found = await rows(pool, "session_events", "session_id", "version", "event_id", "data")
        assert [row[1] for row in sorted(found, key=lambda row: row[1])] == list(range(1, 25))
        assert await rows(pool, "sessions", "newest_version", "event_count") == [(22, 8), (23, 8), (24, 8)]
        arrivals = await rows(pool, "session_events", "session_id", "arrival")
        assert arrivals == [(f"s{number}", arrival) for number in range(3) for arrival in range(1, 9)]

    async def test_two_writers_of_one_session_leave_each_version_once(self, pool: Pool, store: Store) -> None:
        values = [fact(f"text {version}", version=version) for version in range(40)]
        chance = random.Random(1)
        await asyncio.gather(*(store(*chance.sample(values, 30)) for _ in range(6)))
        count = await pool.fetchval("SELECT count(*) FROM session_events")
        assert await rows(pool, "sessions", "event_count") == [(count,)]
        assert await pool.fetchval("SELECT max(arrival) FROM session_events") == count


class TestConflicts:
    async def test_against_the_store(self, pool: Pool, store: Store) -> None:
        await store(fact("first", version=1))
        stored = await store(fact("rival", version=1, id="rival"))
        assert stored.refused == {"version_conflict": 1}
        assert [row[0] for row in await rows(pool, "session_events", "event_id")] == ["e1"]
        [letter] = await outbox(pool)
        assert letter["reason"] == "version_conflict"
        assert "rival" in letter["excerpt"]

    async def test_within_a_batch_the_first_stays(self, pool: Pool, store: Store) -> None:
        await store(fact("first", version=1), fact("rival", version=1, id="rival"), fact("first", version=1))
        assert await rows(pool, "session_events", "event_id") == [("e1",)]
        assert len(await rows(pool, "dead_letters")) == 1

    async def test_a_refused_record_read_again_is_told_once(self, pool: Pool, store: Store) -> None:
        rival = arrive(fact("rival", version=1, id="rival"), offset=77)
        await store(fact("first", version=1), rival)
        stored = await store(fact("first", version=1), rival)
        assert stored.refused == {}
        assert len(await outbox(pool)) == 1

    async def test_a_refused_record_sent_again_is_told_again(self, pool: Pool, store: Store) -> None:
        await store(arrive(None, offset=1), arrive(None, offset=2))
        assert len(await outbox(pool)) == 2


class TestDeadLetters:
    async def test_headers_and_value(self, pool: Pool, store: Store) -> None:
        await store(arrive(change(data=FACT | {"fact_id": None}), offset=12, partition=3, key=b"\xff\x00"))
        row = await one(pool, "SELECT * FROM outbox")
        headers = dict(json.loads(row["headers"]))
        assert row["topic"] == "session-state-changed.dlq"
        assert row["key"] == b"\xff\x00"
        assert headers["dlq.reason"] == "invalid"
        assert headers["dlq.error"].startswith("data.fact_id: ")
        assert (headers["dlq.topic"], headers["dlq.partition"], headers["dlq.offset"]) == (SESSIONS, "3", "12")
        assert headers["dlq.failed_at"].endswith("Z")
        assert set(json.loads(row["value"])) == {"reason", "error", "excerpt"}

    async def test_a_null_key_stays_null(self, pool: Pool, store: Store) -> None:
        await store(arrive(None, key=None))
        assert await rows(pool, "outbox", "key") == [(None,)]

    async def test_a_replayed_record_goes_to_the_same_topic(self, pool: Pool, store: Store) -> None:
        await store(arrive(b"{", topic=REQUESTS + ".replay"))
        assert await rows(pool, "outbox", "topic") == [("escalation-requested.dlq",)]

    async def test_poison_harms_nobody_else(self, store: Store) -> None:
        poison = [None, b"", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 9999 + b"}", b"x" * 2_000_000]
        values = [fact(f"text {version}", version=version) for version in range(1, 8)]
        mixed = [item for pair in zip(values, map(arrive, poison), strict=True) for item in pair]
        stored = await store(*mixed)
        assert stored.outcomes["stored"] == 7
        assert sum(stored.refused.values()) == 7

    async def test_a_record_that_the_store_cannot_take_is_refused_alone(self, pool: Pool, store: Store) -> None:
        good = [arrive(fact(f"text {version}", version=version)) for version in range(1, 9)]
        event_found = good[3].arrival
        assert isinstance(event_found, SessionEvent)
        good[3] = good[3]._replace(arrival=event_found._replace(event_id="a\x00b"))
        stored = await store(*good)
        assert stored.outcomes["stored"] == 7
        assert stored.refused == {"invalid": 1}
        assert await rows(pool, "sessions", "event_count") == [(7,)]


class TestSecrets:
    async def test_a_secret_leaves_what_was_stored_before(self, pool: Pool, store: Store) -> None:
        await store(fact(f"logged in with {SECRET} twice", version=1), request(reason=f"needs {SECRET}"))
        assert SECRET in await everything(pool)
        await store(script(version=2))
        assert SECRET not in await everything(pool)
        text = (await one(pool, "SELECT data FROM session_events WHERE version = 1"))["data"]
        assert "logged in with [REDACTED:secret:" in text

    async def test_a_secret_never_comes_in_afterwards(self, pool: Pool, store: Store) -> None:
        await store(script(version=1))
        await store(
            fact(f"logged in with {SECRET}", version=2, actor=f"by {SECRET}"), request(reason=f"needs {SECRET}")
        )
        await store(
            fact(f"rival {SECRET}", version=2, id="rival"), change(data={"text": f"broken {SECRET}"}, version=3)
        )
        assert SECRET not in await everything(pool)

    async def test_within_one_batch_whatever_the_order(self, pool: Pool, store: Store) -> None:
        await store(fact(f"before {SECRET}", version=1), script(version=2), fact(f"after {SECRET}", version=3))
        assert SECRET not in await everything(pool)

    async def test_it_leaves_drafts_packages_and_what_waits_to_be_published(self, pool: Pool, store: Store) -> None:
        await store(fact(f"with {SECRET}", version=1), request())
        await finish(pool, text=f"They used {SECRET}.")
        await pool.execute(
            "INSERT INTO drafts (tenant_id, session_id, bundle_sha256, prompt_version, model, state, answer)"
            " VALUES ('default', 's1', 'b', 'p', 'm', 'drafted', $1)",
            f"They used {SECRET}.",
        )
        await store(script(version=2))
        assert SECRET not in await everything(pool)
        assert await rows(pool, "drafts") == []
        [ready] = await outbox(pool, "ready")
        assert ready["data"]["content_sha256"] != "0"

    async def test_what_was_known_before_is_found_in_other_spellings(self, pool: Pool, store: Store) -> None:
        await store(script(version=1, secret='quo"te\\pass9'))
        await store(fact('json says quo"te\\pass9 and "quo\\"te\\\\pass9"', version=2))
        text = (await one(pool, "SELECT data FROM session_events WHERE version = 2"))["data"]
        assert "pass9" not in text

    async def test_other_sessions_keep_the_word(self, pool: Pool, store: Store) -> None:
        await store(script(version=1), fact(f"with {SECRET}", version=1, subject="s2"))
        assert SECRET in (await one(pool, "SELECT data FROM session_events WHERE session_id = 's2'"))["data"]

    async def test_a_secret_and_its_text_at_the_same_time(self, pool: Pool, store: Store) -> None:
        for version in range(1, 30, 2):
            secret = f"Hunter-{version}-blue!"
            text = fact(f"logged in with {secret}", version=version)
            await asyncio.gather(store(text), store(script(version=version + 1, secret=secret)))
            assert secret not in await everything(pool)


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
        stored = await store(erased(version=1, id="end"))
        assert stored.erased == {("default", "s1")}
        assert "kiwi" not in await everything(pool)
        for table in ("session_events", "session_secrets", "packages", "drafts"):
            assert await rows(pool, table) == []
        session = await one(pool, "SELECT * FROM sessions")
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

    async def test_an_erasure_is_never_a_conflict(self, store: Store) -> None:
        await store(fact("a", version=1))
        stored = await store(erased(version=1, id="other"))
        assert stored.refused == {}
        assert stored.erased

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
        assert json.loads((await one(pool, "SELECT last_ticket FROM sessions"))["last_ticket"])["ticket_id"] == "new"

    async def test_of_another_tenant_it_takes_nothing(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=1, tenantid="x"), erased(tenantid="y"))
        assert await rows(pool, "session_events", "tenant_id") == [("x",)]


class TestRequests:
    async def test_due_when_its_state_is_there(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=4), request(state_version=4))
        row = await request_row(pool)
        assert (row["state"], row["due"], row["requested_state_version"]) == ("open", True, 4)

    async def test_waits_for_its_state_until_half_of_the_deadline(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=3), request(state_version=4, deadline_seconds=100))
        row = await request_row(pool)
        assert row["due_at"] == row["half_deadline_at"]
        assert (row["half_deadline_at"] - row["stored_at"]).total_seconds() == 50
        assert (row["deadline_at"] - row["stored_at"]).total_seconds() == 100
        await store(fact("b", version=4))
        assert (await request_row(pool))["due"]

    async def test_without_a_version_any_state_does(self, pool: Pool, store: Store) -> None:
        await store(request("r1"), request("r2", attributes={"subject": "s2"}))
        assert not (await request_row(pool))["due"]
        await store(fact("a", version=1))
        assert (await request_row(pool))["due"]
        assert not (await request_row(pool, "r2"))["due"]

    async def test_the_same_request_again_is_a_no_op(self, pool: Pool, store: Store) -> None:
        await store(request(priority=1), request(priority=2))
        stored = await store(request(priority=4))
        assert stored.outcomes["repeated"] == 1
        assert (await request_row(pool))["priority"] == 1

    async def test_cancelled_before_its_package(self, pool: Pool, store: Store) -> None:
        await store(opened(ticket=TICKET), request())
        await store(cancellation())
        await store(cancellation(), request())
        [withdrawn] = await outbox(pool)
        data = withdrawn["data"]
        assert (data["reason"], data["revision"], data["supersedes"]) == ("cancelled", None, None)
        assert data["psa_ticket"]["ticket_id"] == "48213"
        row = await request_row(pool)
        assert (row["state"], row["due_at"], row["lease_token"]) == ("cancelled", None, None)

    async def test_cancelled_after_its_package(self, pool: Pool, store: Store) -> None:
        await store(opened(ticket=TICKET), request())
        package_id = await finish(pool)
        await store(cancellation())
        [withdrawn] = await outbox(pool, "withdrawn")
        assert (withdrawn["data"]["revision"], withdrawn["data"]["supersedes"]) == (1, str(package_id))
        assert withdrawn["data"]["psa_ticket"]["ticket_id"] == "7"

    async def test_cancelled_before_it_arrives(self, pool: Pool, store: Store) -> None:
        await store(cancellation())
        assert await outbox(pool) == []
        await store(request(state_version=9, reason="why"))
        [withdrawn] = await outbox(pool)
        assert withdrawn["data"]["requested_state_version"] == 9
        assert (await request_row(pool))["state"] == "cancelled"

    async def test_cancelled_in_the_same_batch(self, pool: Pool, store: Store) -> None:
        await store(request("a"), cancellation("a"), cancellation("b"), request("b"))
        assert len(await outbox(pool, "withdrawn")) == 2
        assert await rows(pool, "requests", "state") == [("cancelled",), ("cancelled",)]

    async def test_a_cancelled_request_stays_so(self, pool: Pool, store: Store) -> None:
        await store(request(), cancellation())
        await store(arrive(request(attributes={"replayid": "x"}), topic=REQUESTS + ".replay"))
        row = await request_row(pool)
        assert (row["state"], row["due_at"]) == ("cancelled", None)

    async def test_a_replay_asks_for_a_further_revision(self, pool: Pool, store: Store) -> None:
        again = request(attributes={"replayid": "again"})
        await store(opened(), request())
        await finish(pool)
        await store(again)  # on the live topic it counts for nothing
        assert (await request_row(pool))["due_at"] is None
        await store(arrive(again, topic=REQUESTS + ".replay"))
        row = await request_row(pool)
        assert (row["due"], row["cause"], row["replay_id"], row["rank"]) == (True, "replay", "again", 23)

    async def test_a_replay_without_replayid_changes_nothing(self, pool: Pool, store: Store) -> None:
        await store(opened(), request())
        await finish(pool)
        await store(arrive(request(), topic=REQUESTS + ".replay"))
        assert (await request_row(pool))["due_at"] is None

    async def test_a_first_request_from_the_replay_topic_has_no_deadline(self, pool: Pool, store: Store) -> None:
        await store(arrive(request(attributes={"replayid": "x"}), topic=REQUESTS + ".replay"))
        row = await request_row(pool)
        assert (row["deadline_at"], row["cause"], row["replay_id"], row["rank"]) == (None, "request", None, 23)
        assert row["due_at"] == row["half_deadline_at"]


class TestRevisions:
    @pytest.mark.parametrize(
        ("value", "wakes"),
        [
            (fact("news", version=5), True),
            (change("session.described.v1", {"title": "news"}, version=5), True),
            (change("session.closed.v1", {}, version=5), False),
            (change("session.reopened.v1", {}, version=5), False),
            (change("session.rated.v1", {}, version=5), False),
        ],
    )
    async def test_a_change_after_the_package(self, pool: Pool, store: Store, value: Any, *, wakes: bool) -> None:
        await store(opened(), request())
        await finish(pool)
        await store(value)
        row = await request_row(pool)
        assert (row["due_at"] is not None) == wakes
        if wakes:
            assert (row["cause"], row["rank"]) == ("state_changed", 13)
            assert 55 < (row["due_at"] - row["first_done_at"]).total_seconds() < 75

    async def test_quiet_is_counted_from_the_last_change(self, pool: Pool, store: Store) -> None:
        await store(opened(), request())
        await finish(pool)
        await store(fact("a", version=5))
        first = (await request_row(pool))["due_at"]
        await store(fact("b", version=6))
        assert (await request_row(pool))["due_at"] > first

    @pytest.mark.parametrize(
        "spent", ["revisions_by_change = 5", "first_done_at = now() - interval '2 days'", "state = 'cancelled'"]
    )
    async def test_limits(self, pool: Pool, store: Store, spent: str) -> None:
        await store(opened(), request())
        await finish(pool)
        await pool.execute(f"UPDATE requests SET {spent}")
        await store(fact("a", version=5))
        assert (await request_row(pool))["due_at"] is None

    async def test_a_replay_that_waits_is_not_overtaken(self, pool: Pool, store: Store) -> None:
        await store(opened(), request())
        await finish(pool)
        await store(arrive(request(attributes={"replayid": "x"}), topic=REQUESTS + ".replay"))
        await store(fact("a", version=5))
        row = await request_row(pool)
        assert (row["cause"], row["due"]) == ("replay", True)


class TestBacklog:
    LIVE, REPLAYED = (SESSIONS, 0), (SESSIONS + ".replay", 0)

    async def test_the_clock_stands_until_what_was_there_is_read(self, pool: Pool, store: Store) -> None:
        await store(request(deadline_seconds=100), positions={self.LIVE: 10}, ends={self.LIVE: 20})
        row = await request_row(pool)
        assert (row["deadline_at"], row["half_deadline_at"], row["due_at"]) == (None, None, None)
        stored = await store(positions={self.LIVE: 19}, look_at_backlog=True)
        assert stored.backlogged is True
        stored = await store(positions={self.LIVE: 20}, look_at_backlog=True)
        assert stored.backlogged is False
        row = await request_row(pool)
        assert (row["deadline_at"] - row["half_deadline_at"]).total_seconds() == 50
        assert row["due_at"] == row["half_deadline_at"]

    async def test_then_a_known_session_is_due(self, pool: Pool, store: Store) -> None:
        await store(fact("a", version=1), request(), positions={self.LIVE: 10}, ends={self.LIVE: 20})
        assert (await request_row(pool))["due_at"] is None
        await store(positions={self.LIVE: 25}, look_at_backlog=True)
        assert (await request_row(pool))["due"]

    async def test_a_state_that_arrives_meanwhile_is_taken_up(self, pool: Pool, store: Store) -> None:
        await store(request(state_version=2), positions={self.LIVE: 10}, ends={self.LIVE: 20})
        await store(fact("a", version=2), positions={self.LIVE: 11})
        row = await request_row(pool)
        assert row["due"]
        assert row["deadline_at"] is None

    async def test_partitions_of_others_count(self, pool: Pool, store: Store) -> None:
        other = (SESSIONS, 1)
        ends = {self.LIVE: 20, other: 5}
        await store(request(), positions={self.LIVE: 20}, ends=ends)
        assert (await request_row(pool))["deadline_at"] is None
        await store(positions={other: 5})
        await store(positions={self.LIVE: 20}, look_at_backlog=True)
        assert (await request_row(pool))["deadline_at"] is not None

    async def test_a_rewind_is_a_backlog(self, pool: Pool, store: Store) -> None:
        await store(positions={self.LIVE: 20})
        await store(request(), positions={self.LIVE: 3}, ends={self.LIVE: 20})
        assert (await request_row(pool))["deadline_at"] is None

    async def test_replayed_sessions_hold_up_replayed_requests_only(self, pool: Pool, store: Store) -> None:
        replayed = arrive(request("r2"), topic=REQUESTS + ".replay")
        await store(request("r1"), replayed, positions={self.LIVE: 20}, ends={self.LIVE: 20, self.REPLAYED: 7})
        assert (await request_row(pool, "r1"))["deadline_at"] is not None
        assert (await request_row(pool, "r2"))["backlog"] is not None

    async def test_a_topic_made_anew_does_not_hold_up_for_ever(self, pool: Pool, store: Store) -> None:
        await store(request(), positions={self.LIVE: 10}, ends={self.LIVE: 20})
        await store(positions={self.LIVE: 2}, ends={self.LIVE: 2}, look_at_backlog=True)
        assert (await request_row(pool))["deadline_at"] is not None


class TestTransactions:
    async def test_listeners_are_told_once_a_batch(self, database: str, store: Store) -> None:
        heard: list[str] = []
        listener = await asyncpg.connect(database)
        for channel in ("escalation_due", "escalation_outbox"):
            await listener.add_listener(channel, lambda *told: heard.append(told[2]))
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

    @pytest.mark.parametrize("stem", ["inbox", "erasure", "secrets"])
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
                ("wake_open", (["default"], ["x7"], [3])),
            ):
                plan = await connection.fetch("EXPLAIN " + getattr(Queries("inbox"), name), *arguments)
                text = "\n".join(row[0] for row in plan)
                assert "Seq Scan on session" not in text, text


def test_the_order_of_locks_is_that_of_python() -> None:
    """Keys are sorted here and there; the database's "C" collation must agree, or batches could deadlock."""
    keys: Sequence[str] = ["a", "B", "ä", "_", "Z", "aa", "\U0001f600", "\uffff"]
    assert sorted(keys) == sorted(keys, key=lambda key: key.encode())
