"""The relay's two adapters on real servers: fenced numbering, transactions, and reading events back."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from consumer.adapters.kafka.publishing import relay
from consumer.adapters.kafka.publishing.relay import KafkaBroker
from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.outbox import PostgresOutbox
from consumer.errors import Transient
from consumer.flows.relay.ports import BrokerAway, EventsRefused, OutboxRow, Term
from tests.support.servers import KafkaServer
from tests.support.topics import make_topics

NAME = "relay"
MARKER = TopicPartition("marker", 0)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, name="test", max_size=4)
    yield opened
    opened.terminate()


async def put_notes(pool: Pool, *notes: str) -> None:
    """One row of session `s` for each, with its place as the value."""
    await pool.executemany(
        "INSERT INTO outbox (topic, headers, value, tenant_id, session_id) VALUES ('events', $1, $2, 't', 's')",
        [(json.dumps([["revision", "1"], ["note_key", note]]), str(n).encode()) for n, note in enumerate(notes)],
    )


async def ids(pool: Pool) -> list[int]:
    return [row["id"] for row in await pool.fetch("SELECT id FROM outbox ORDER BY id")]


async def waited(pool: Pool) -> None:
    """The pause before what was refused is tried again has passed."""
    await pool.execute("UPDATE outbox SET retry_at = now() WHERE retry_at < 'infinity'")
    await pool.execute("UPDATE refusing_topics SET retry_at = now()")


@pytest.fixture
def outbox(pool: Pool) -> PostgresOutbox:
    return PostgresOutbox(pool, name=NAME, lease_seconds=30)


async def put(pool: Pool, *values: str, topic: str = "events") -> None:
    await pool.executemany(
        "INSERT INTO outbox (topic, key, headers, value) VALUES ($1, 'k', $2, $3)",
        [(topic, json.dumps([["event_id", value]]), value.encode()) for value in values],
    )


async def led(outbox: PostgresOutbox, leader: str = "a") -> Term:
    term = await outbox.lead(leader)
    assert term is not None
    return term


async def taken(outbox: PostgresOutbox, term: Term, *, at_least: int = 0, limit: int = 9) -> list[bytes]:
    rows = await outbox.take(term.token, at_least=at_least, limit=limit)
    assert rows is not None
    assert [row.position for row in rows] == sorted(row.position for row in rows)
    return [row.value for row in rows]


async def positions(pool: Pool) -> list[int | None]:
    return [row["position"] for row in await pool.fetch("SELECT position FROM outbox ORDER BY id")]


class TestLease:
    async def test_one_leads_until_it_resigns(self, outbox: PostgresOutbox) -> None:
        term = await led(outbox)
        assert await outbox.lead("b") is None
        await outbox.resign(term.token)
        assert (await led(outbox, "b")).token > term.token

    async def test_a_lease_that_ran_out_goes_to_the_next(self, pool: Pool) -> None:
        outbox = PostgresOutbox(pool, name=NAME, lease_seconds=0.05)
        first = await led(outbox)
        await asyncio.sleep(0.1)
        second = await led(outbox, "b")
        assert second.token > first.token
        await outbox.resign(first.token)  # a late call of the first changes nothing
        assert await PostgresOutbox(pool, name=NAME, lease_seconds=30).take(second.token, at_least=0, limit=1) == []


class TestNumbers:
    async def test_continue_in_id_order(self, pool: Pool, outbox: PostgresOutbox) -> None:
        term = await led(outbox)
        await put(pool, "1", "2", "3")
        assert await taken(outbox, term, limit=2) == [b"1", b"2"]
        assert await taken(outbox, term, limit=2) == [b"1", b"2"]
        assert await taken(outbox, term, limit=9) == [b"1", b"2", b"3"]
        assert await positions(pool) == [0, 1, 2]

    async def test_continue_above_what_kafka_says(self, pool: Pool, outbox: PostgresOutbox) -> None:
        term = await led(outbox)
        await put(pool, "1")
        assert await taken(outbox, term, at_least=7) == [b"1"]
        assert await positions(pool) == [7]

    async def test_are_not_given_again_once_their_rows_have_left(self, pool: Pool, outbox: PostgresOutbox) -> None:
        term = await led(outbox)
        await put(pool, "1", "2")
        await taken(outbox, term)
        await outbox.published(2)
        await put(pool, "3")
        assert await taken(outbox, term) == [b"3"]
        assert await positions(pool) == [2]

    async def test_below_which_all_is_published_leave_with_their_rows(self, pool: Pool, outbox: PostgresOutbox) -> None:
        term = await led(outbox)
        await put(pool, "1", "2", "3")
        await taken(outbox, term)
        assert await taken(outbox, term, at_least=2) == [b"3"]
        assert await positions(pool) == [2]
        assert await pool.fetchval("SELECT position FROM relay") == 2

    async def test_of_a_term_that_is_over_take_no_row_away(self, pool: Pool) -> None:
        outbox = PostgresOutbox(pool, name=NAME, lease_seconds=0)
        first = await led(outbox)
        await put(pool, "1")
        await outbox.take(first.token, at_least=0, limit=9)
        await led(outbox, "b")
        assert await outbox.take(first.token, at_least=1, limit=9) is None
        assert await positions(pool) == [0]

    async def test_are_refused_to_whoever_was_superseded(self, pool: Pool) -> None:
        outbox = PostgresOutbox(pool, name=NAME, lease_seconds=0)
        first, second = await led(outbox), await led(outbox, "b")
        await put(pool, "1")
        assert await outbox.take(first.token, at_least=0, limit=9) is None
        assert await positions(pool) == [None]
        assert await taken(outbox, second) == [b"1"]

    async def test_go_to_a_row_that_committed_late_too(self, pool: Pool, outbox: PostgresOutbox, database: str) -> None:
        """Ids are drawn before commit: a reader that only looks above the last id loses this row."""
        term = await led(outbox)
        late = await asyncpg.connect(database)
        try:
            transaction = late.transaction()
            await transaction.start()
            await late.execute("INSERT INTO outbox (topic, value) VALUES ('events', 'late')")
            await put(pool, "2")
            assert await taken(outbox, term) == [b"2"]
            await transaction.commit()
        finally:
            await late.close()
        assert await taken(outbox, term) == [b"2", b"late"]

    async def test_the_mark_never_falls(self, pool: Pool, outbox: PostgresOutbox) -> None:
        await led(outbox)
        await outbox.published(9)
        await outbox.published(3)
        assert await pool.fetchval("SELECT position FROM relay") == 9


class TestNotes:
    """A revision does not overtake the one before it, and no package comes after its withdrawal."""

    @pytest.mark.failure(47)
    async def test_what_is_refused_holds_back_its_note_and_nothing_else(
        self, pool: Pool, outbox: PostgresOutbox
    ) -> None:
        term = await led(outbox)
        await put_notes(pool, "a", "b", "a", "b", "c")
        assert await taken(outbox, term) == [b"0", b"1", b"2", b"3", b"4"]
        first, *_ = await ids(pool)
        await outbox.park(term.token, EventsRefused("events", "too late", ids=[first]))
        assert await taken(outbox, term) == [b"1", b"3", b"4"]
        await put_notes(pool, "a")
        assert await taken(outbox, term, at_least=5) == []
        await waited(pool)
        await outbox.retry_parked(term.token)
        assert await taken(outbox, term, at_least=5) == [b"0", b"2", b"0"]

    async def test_a_later_row_whose_pause_ends_first_waits_for_the_earlier(
        self, pool: Pool, outbox: PostgresOutbox
    ) -> None:
        term = await led(outbox)
        await put_notes(pool, "a", "a")
        await taken(outbox, term)
        earlier, later = await ids(pool)
        await outbox.park(term.token, EventsRefused("events", "too late", ids=[earlier, later]))
        await pool.execute("UPDATE outbox SET retry_at = now() WHERE id = $1", later)
        await outbox.retry_parked(term.token)
        assert await taken(outbox, term) == []
        await waited(pool)
        await outbox.retry_parked(term.token)
        assert await taken(outbox, term) == [b"0", b"1"]

    async def test_a_topic_is_tried_with_the_first_of_a_note(self, pool: Pool, outbox: PostgresOutbox) -> None:
        term = await led(outbox)
        await put_notes(pool, "a", "a")
        await pool.execute("UPDATE outbox SET value = repeat('x', 9000)::bytea WHERE value = '0'")
        await taken(outbox, term)
        await outbox.park(term.token, EventsRefused("events", "too late", ids=await ids(pool), of_all=True))
        for _ in range(5):
            await waited(pool)
            await outbox.retry_parked(term.token)
            (tried,) = await taken(outbox, term)
            assert len(tried) == 9000
            first, *_ = await ids(pool)
            await outbox.park(term.token, EventsRefused("events", "too late", ids=[first], of_all=True))
        await waited(pool)
        await outbox.retry_parked(term.token)
        await outbox.admit(["events"])
        await waited(pool)
        await outbox.retry_parked(term.token)
        assert [len(value) for value in await taken(outbox, term)] == [9000, 1]


async def test_a_database_that_is_away_is_transient() -> None:
    pool = await open_pool("postgresql://127.0.0.1:1/none", name="test", max_size=1)
    with pytest.raises(Transient, match="PostgreSQL"):
        await PostgresOutbox(pool, name=NAME, lease_seconds=1).lead("a")
    pool.terminate()


def rows(topic: str, *values: str) -> list[OutboxRow]:
    return [
        OutboxRow(id=n, position=n, topic=topic, key=b"k", headers=(("event_id", value[:9]),), value=value.encode())
        for n, value in enumerate(values)
    ]


class TestBroker:
    @pytest.fixture
    async def topic(self, bootstrap_servers: str, topic_prefix: str) -> str:
        topic = f"{topic_prefix}events"
        await make_topics(bootstrap_servers, **{topic: 2, f"{topic_prefix}marker": 1})
        return topic

    @pytest.fixture
    def broker(self, bootstrap_servers: str, topic_prefix: str) -> KafkaBroker:
        return KafkaBroker(
            {"bootstrap_servers": bootstrap_servers},
            transactional_id=f"{topic_prefix}relay",
            group=f"{topic_prefix}relay",
            marker_topic=f"{topic_prefix}marker",
            transaction_seconds=10,
        )

    async def test_events_and_position_are_there_together(
        self, broker: KafkaBroker, topic: str, bootstrap_servers: str
    ) -> None:
        publisher = await broker.fence()
        try:
            assert await publisher.position() is None
            await publisher.publish(rows(topic, "1", "2"), 2)
        finally:
            await publisher.discard()
        successor = (
            await broker.fence()
        )  # right after a commit the position may still be stale; after fencing it is not
        try:
            assert await successor.position() == 2
        finally:
            await successor.discard()
        async with TopicReader((topic,), bootstrap_servers=bootstrap_servers) as reader:
            assert [record.value for record in await reader.read_to_end()] == [b"1", b"2"]

    async def test_whoever_was_fenced_cannot_publish(
        self, broker: KafkaBroker, topic: str, bootstrap_servers: str
    ) -> None:
        zombie = await broker.fence()
        leader = await broker.fence()
        try:
            with pytest.raises(BrokerAway):
                await zombie.publish(rows(topic, "zombie"), 1)
            await leader.publish(rows(topic, "leader"), 1)
        finally:
            await zombie.discard()
            await leader.discard()
        async with TopicReader((topic,), bootstrap_servers=bootstrap_servers) as reader:
            assert [record.value for record in await reader.read_to_end()] == [b"leader"]

    async def test_a_position_read_before_fencing_may_be_stale(self, broker: KafkaBroker, topic: str) -> None:
        """This is why only a publisher gives a position, and only fencing gives a publisher."""
        old = await broker.fence()
        try:
            read_before = await old.position()  # what a newcomer would read if it did not fence first ...
            await old.publish(rows(topic, "1"), 1)  # ... while the old one still commits
            new = await broker.fence()
            try:
                assert (read_before, await new.position()) == (None, 1)
            finally:
                await new.discard()
        finally:
            await old.discard()

    async def test_what_stands_on_the_topics_is_found_again(self, broker: KafkaBroker, topic: str) -> None:
        """By the next publisher: right after a commit its marks may not stand in the topics yet; fencing waits."""
        first = await broker.fence()
        try:
            await first.publish(rows(topic, "1", "2"), 2)
            since = datetime.now(UTC) - timedelta(minutes=1)
            publisher = await broker.fence()
        finally:
            await first.discard()
        try:
            words = [identity.words async for batch in publisher.published_since([topic], since) for identity in batch]
            assert sorted(words) == [("event", "1"), ("event", "2")]
            later = datetime.now(UTC) + timedelta(minutes=1)
            assert [identity async for batch in publisher.published_since([topic], later) for identity in batch] == []
        finally:
            await publisher.discard()

    async def test_an_event_of_almost_a_megabyte_passes(self, broker: KafkaBroker, topic: str) -> None:
        publisher = await broker.fence()
        try:
            await publisher.publish(rows(topic, "x" * 400_000, "y" * 900_000), 2)
        finally:
            await publisher.discard()

    @pytest.mark.kills_servers
    @pytest.mark.failure(59)
    async def test_a_broker_that_is_lost_after_a_commit_ends_the_term(
        self, broker: KafkaBroker, topic: str, kafka_server: KafkaServer
    ) -> None:
        """It may have forgotten to end the transaction, and a later one that is aborted would take it along."""
        publisher = await broker.fence()
        try:
            await publisher.publish(rows(topic, "1"), 1)
            await kafka_server.kill()
            await kafka_server.start()
            with pytest.raises(BrokerAway, match="lost"):
                await publisher.publish(rows(topic, "2"), 2)
        finally:
            await publisher.discard()

    @pytest.mark.kills_servers
    async def test_a_broker_that_is_away_costs_bounded_time(
        self, bootstrap_servers: str, topic: str, topic_prefix: str, kafka_server: KafkaServer
    ) -> None:
        broker = KafkaBroker(
            {"bootstrap_servers": bootstrap_servers},
            transactional_id=f"{topic_prefix}relay",
            group=f"{topic_prefix}relay",
            marker_topic=f"{topic_prefix}marker",
            transaction_seconds=2,
        )
        publisher = await broker.fence()
        kafka_server.pause()
        started = asyncio.get_running_loop().time()
        try:
            with pytest.raises(BrokerAway):
                await publisher.publish(rows(topic, "1"), 1)
        finally:
            await publisher.discard()
            kafka_server.resume()
        assert asyncio.get_running_loop().time() - started < 20, "it retries for ever by itself"


class Answers:
    """An admin client whose broker gives these answers, one a call."""

    def __init__(self, *answers: dict[TopicPartition, OffsetAndMetadata] | KafkaError) -> None:
        self._answers = list(answers)

    async def list_consumer_group_offsets(
        self, _group: str, *, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        assert partitions == [MARKER]
        answer = self._answers.pop(0)
        if isinstance(answer, KafkaError):
            raise answer
        return answer


async def test_no_entry_means_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client swallows the error of a loading coordinator; "no position" would publish all again."""
    monkeypatch.setattr(relay, "COORDINATOR_PAUSE_SECONDS", 0)
    publisher = relay.KafkaPublisher(None, {}, group="g", marker=MARKER, publish_seconds=1)
    loading = GroupCoordinatorNotAvailableError()
    known = {MARKER: OffsetAndMetadata(7, "")}
    assert (await publisher._read(Answers(loading, {}, known))).offset == 7
