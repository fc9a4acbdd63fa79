"""A store rebuilt from topics, on a real PostgreSQL; the topics are lists here."""

import json
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.adapters.postgres.core.migrate import migrate
from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.rebuild import RebuiltStore
from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Origin, Record, TopicPartition
from consumer.domain.request.schedule import RevisionRules
from consumer.errors import Permanent, Transient
from consumer.flows.rebuild import reading as rebuild
from consumer.flows.rebuild.ports import Dated, OffsetRange, Rebuilt
from consumer.flows.rebuild.reading import Rereading
from consumer.flows.rebuild.rebuild import Rebuild
from schemas.topics import FAILED, FEEDBACK, POLICIES, READY, REPLAY_SUFFIX, REQUESTS, SESSIONS
from tests.adapters.postgres.operation.test_proofs import fact, opened
from tests.support.store_filler import SENDER, StoreFiller
from tests.support.wire import REDACTOR, TOPICS, cancellation, change, request

RULES = RevisionRules(after_seconds=0, window_seconds=86_400, limit=5)
REPLAYED = (SESSIONS + REPLAY_SUFFIX, REQUESTS + REPLAY_SUFFIX)
ALL = (SESSIONS, REQUESTS, FEEDBACK, POLICIES, *REPLAYED, READY, FAILED)
COMPARED = (
    "SELECT tenant_id, session_id, version, arrival, event_id, data FROM session_events ORDER BY 1, 2, 3",
    "SELECT tenant_id, session_id, newest_version, event_count FROM sessions ORDER BY 1, 2",
    "SELECT session_id, request_id, state, reason, revision, last_package_id FROM requests ORDER BY 1, 2",
    "SELECT request_id, revisions_by_change, cause, replay_id, failure FROM requests ORDER BY session_id, 1",
    "SELECT package_id, arrivals, bundle_sha256, content_sha256, cause, event::jsonb FROM packages ORDER BY 1",
)


class Past:
    """Topics of one partition; the records begin an hour ago and are a second apart."""

    def __init__(self) -> None:
        self.records: dict[str, list[Dated]] = {topic: [] for topic in ALL}
        self.starts = dict.fromkeys(ALL, 0)
        self.committed_by_call: list[dict[TopicPartition, int]] = []
        self.members = False
        self._now_ms = int(datetime.now(UTC).timestamp() - 3600) * 1000

    def write(self, topic: str, value: Any, headers: tuple[tuple[str, bytes], ...] = ()) -> Decoded:
        """The decoded record."""
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        self._now_ms += 1000
        record = Record(origin=Origin(topic, 0, len(self.records[topic])), key=b"s1", value=raw, headers=headers)
        self.records[topic].append(Dated(record=record, timestamp_ms=self._now_ms))
        return decode(record, TOPICS, REDACTOR)

    def forget(self, topic: str, before: int) -> None:
        self.starts[topic] = before

    async def spans(
        self, topics: Collection[str], *, since: datetime | None = None
    ) -> dict[TopicPartition, OffsetRange]:
        assert since is None
        return {
            TopicPartition(topic, 0): OffsetRange(start=self.starts[topic], end=len(self.records[topic]))
            for topic in topics
        }

    async def committed(self, _group: str, _partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        if self.committed_by_call:
            return self.committed_by_call.pop(0)
        return {TopicPartition(topic, 0): len(records) for topic, records in self.records.items()}

    async def has_members(self, _group: str) -> bool:
        return self.members

    async def read(self, spans: Mapping[TopicPartition, OffsetRange]) -> AsyncIterator[Dated]:
        records = [dated for (topic, _), span in spans.items() for dated in self.records[topic][span.start : span.end]]
        for dated in sorted(records, key=lambda dated: dated.timestamp_ms):
            yield dated


class Service:
    """The serving service: each record that it stores or publishes stands in the past."""

    def __init__(self, pool: Pool, past: Past) -> None:
        self.pool = pool
        self.filler = StoreFiller(pool)
        self._past = past

    async def hear(self, *values: Any, replayed: bool = False) -> None:
        for value in values:
            asks = value["type"].startswith("escalation.")
            await self.filler.store(
                self._past.write((REQUESTS if asks else SESSIONS) + REPLAY_SUFFIX * replayed, value)
            )

    async def publish(self) -> None:
        await self.filler.draft()
        for row in await self.pool.fetch("DELETE FROM outbox RETURNING id, topic, value, headers"):
            headers = tuple((name, value.encode()) for name, value in json.loads(row["headers"]))
            if row["topic"] in {READY, FAILED}:
                self._past.write(row["topic"], row["value"], headers)


@pytest.fixture
def past() -> Past:
    return Past()


@pytest.fixture
async def old(database: str, past: Past) -> AsyncIterator[Service]:
    pool = await open_pool(database, name="old", max_size=4)
    yield Service(pool, past)
    await pool.close()


@pytest.fixture
async def new(empty_database: str) -> AsyncIterator[Pool]:
    await migrate(empty_database)
    pool = await open_pool(empty_database, name="new", max_size=4)
    yield pool
    await pool.close()


class Store(RebuiltStore):
    """If `falls`, fails after requests are stored and before they are dated."""

    falls = False

    async def date_requests(self, *given: Any) -> None:
        if self.falls:
            raise Transient("broken off")
        await super().date_requests(*given)


async def build(past: Past, pool: Pool, *, broken_off_at: int = 0, falls: bool = False) -> Rebuilt:
    """One run; it breaks off at progress report `broken_off_at`."""
    left = broken_off_at

    def progress(_: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Transient("broken off")

    store = Store(pool, sender=SENDER, models=("none",), rules=RULES)
    store.falls = falls
    inbox = PostgresInbox(pool, sender=SENDER, redactor=REDACTOR, revisions=RULES, publishes=False)
    reading = Rereading(
        history=past, inbox=inbox, store=store, redactor=REDACTOR, topics=TOPICS, group="g", progress=progress
    )
    return await Rebuild(history=past, store=store, reading=reading, topics=TOPICS, group="g").run()


async def compared_rows(pool: Pool) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in await pool.fetch(sql)] for sql in COMPARED]


async def live(old: Service) -> None:
    """Two sessions with revisions, one cancelled request, events that came by the replay topic in between."""
    await old.hear(opened(), fact("Ping works.", version=2), request(reason="The customer waits."))
    await old.publish()
    await old.hear(fact("Filled in, and below.", version=3), replayed=True)
    await old.hear(fact("Newer.", version=9), request("r2"))
    await old.publish()
    await old.hear(opened(version=1) | {"subject": "s2"}, request("r3", attributes={"subject": "s2"}))
    await old.hear(cancellation("r2"), request("r2"))
    await old.publish()


async def test_a_rebuilt_store_is_equal_and_publishes_nothing(old: Service, new: Pool, past: Past) -> None:
    await live(old)
    rebuilt = await build(past, new)
    assert (rebuilt.serving, rebuilt.presumed, rebuilt.lost) == (False, 0, {})
    assert await compared_rows(new) == await compared_rows(old.pool)
    assert await new.fetchval("SELECT count(*) FROM outbox") == 0
    assert await new.fetchval("SELECT count(*) FROM requests WHERE due_at IS NOT NULL") == 0
    await StoreReader(new).whole()


async def test_broken_off_after_every_batch_it_goes_on(
    old: Service, new: Pool, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BATCH_RECORDS", 2)
    await live(old)
    runs = 0
    while True:
        runs += 1
        try:
            await build(past, new, broken_off_at=1)
        except Transient:
            with pytest.raises(Transient):
                await StoreReader(new).whole()  # half a store must not serve
            continue
        break
    assert runs > 5
    assert await compared_rows(new) == await compared_rows(old.pool)


async def test_outcomes_that_stand_twice_on_their_topic_count_once(old: Service, new: Pool, past: Past) -> None:
    await live(old)
    for dated in list(past.records[READY]):
        past.write(READY, dated.record.value, dated.record.headers)
    await build(past, new)
    assert await compared_rows(new) == await compared_rows(old.pool)
    assert await new.fetchval("SELECT max(revisions_by_change) FROM requests") > 0


async def test_what_the_service_has_not_read_is_left_for_the_next_one(old: Service, new: Pool, past: Past) -> None:
    await live(old)
    before = await compared_rows(old.pool)
    ends = await past.committed("g", ())
    past.write(SESSIONS, fact("Nobody has read this.", version=10))
    past.write(REQUESTS, request("r9"))
    past.committed_by_call = [ends] * 3
    rebuilt = await build(past, new)
    assert await compared_rows(new) == before
    assert not rebuilt.serving
    positions = {row["topic"]: row["next_offset"] for row in await new.fetch("SELECT * FROM intake_positions")}
    assert (positions[SESSIONS], positions[REQUESTS]) == (
        ends[TopicPartition(SESSIONS, 0)],
        ends[TopicPartition(REQUESTS, 0)],
    )


async def test_while_the_old_one_serves_nobody_else_may(old: Service, new: Pool, past: Past) -> None:
    past.members = True
    await live(old)
    assert (await build(past, new)).serving
    with pytest.raises(Transient, match="being rebuilt"):
        await StoreReader(new).whole()
    past.members = False
    assert not (await build(past, new)).serving
    await StoreReader(new).whole()


async def test_an_outcome_whose_request_is_committed_a_moment_later_waits_for_it(
    old: Service, new: Pool, past: Past
) -> None:
    past.members = True
    await old.hear(opened())
    early = await past.committed("g", ())
    await old.hear(request(reason="The customer waits."))
    await old.publish()
    past.committed_by_call = [early, early]
    await build(past, new)
    assert await compared_rows(new) == await compared_rows(old.pool)


async def test_requests_older_than_the_retained_outcomes_are_taken_as_answered(
    old: Service, new: Pool, past: Past
) -> None:
    await old.hear(opened(), request("old"))
    await old.publish()
    await old.hear(request("answered"))
    await old.publish()
    await old.hear(request("young"))
    past.forget(READY, 1)
    with pytest.raises(Transient):
        await build(past, new, falls=True)
    rebuilt = await build(past, new)
    assert rebuilt.presumed == 1
    rows = await new.fetch("SELECT request_id, state, due_at IS NOT NULL AS due FROM requests ORDER BY 1")
    assert [tuple(row) for row in rows] == [
        ("answered", "done", False),
        ("old", "done", False),
        ("young", "open", True),
    ]
    assert [row["request_id"] for row in await new.fetch("SELECT request_id FROM packages")] == ["answered"]


async def test_a_package_outlives_its_request_on_the_topics(
    old: Service, new: Pool, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "COMMIT_SECONDS", 0.5)
    await old.hear(opened(), request(reason="Forgotten by then."))
    await old.publish()
    past.forget(REQUESTS, 1)
    past.members = True
    assert (await build(past, new)).lost == {}
    (row,) = await new.fetch("SELECT state, revision, reason FROM requests")
    assert tuple(row) == ("done", 1, None)
    assert await new.fetchval("SELECT count(*) FROM packages") == 1


async def test_of_an_erased_session_only_the_keys_come_back(old: Service, new: Pool, past: Past) -> None:
    await old.hear(opened(), fact("kiwi", version=2), request(reason="kiwi"))
    await old.publish()
    await old.hear(change("session.erased.v1", {}, version=9))
    await old.publish()
    await build(past, new)
    assert await compared_rows(new) == await compared_rows(old.pool)
    assert await new.fetchval("SELECT count(*) FROM packages") == 0


async def test_an_erasure_that_only_its_outcome_tells_of_is_one(old: Service, new: Pool, past: Past) -> None:
    """Its own record has left its topic; the replay topic still holds older ones."""
    await old.hear(opened(), fact("kiwi", version=2), request())
    await old.publish()
    await old.hear(opened(), fact("kiwi", version=2), replayed=True)
    await old.hear(change("session.erased.v1", {}, version=9))
    await old.publish()
    past.forget(SESSIONS, 3)
    await build(past, new)
    assert await compared_rows(new) == await compared_rows(old.pool)
    assert await new.fetchval("SELECT count(*) FROM session_events") == 0


async def test_a_change_that_the_old_one_had_yet_to_look_at_is_due_in_the_new_one(
    old: Service, new: Pool, past: Past
) -> None:
    await old.hear(opened(), request())
    await old.publish()
    await old.hear(fact("Heard, and not yet looked at.", version=2))
    await build(past, new)
    assert await new.fetchval("SELECT cause FROM requests WHERE due_at <= now()") == "state_changed"


async def test_a_store_in_use_is_refused(old: Service, new: Pool, past: Past) -> None:
    await live(old)
    with pytest.raises(Permanent, match="a store in use"):
        await build(past, old.pool)
    await build(past, new)
    await build(past, new)  # before anybody serves from it
    await new.execute("INSERT INTO relay (name) VALUES ('it has served')")
    with pytest.raises(Permanent, match="a store in use"):
        await build(past, new)


async def test_a_group_that_never_read_has_no_store_to_rebuild(new: Pool, past: Past) -> None:
    past.committed_by_call = [{}]
    with pytest.raises(Permanent, match="has committed nothing"):
        await build(past, new)


async def test_every_query_can_be_prepared(new: Pool) -> None:
    queries = Queries("rebuild")
    async with new.acquire() as connection:
        for name in queries.names():
            await connection.prepare(getattr(queries, name))
