"""Events, version conflicts and refused records."""

import asyncio
import json
import random

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import SessionChange, SessionKey
from schemas.topics import REQUESTS, SESSIONS
from tests.adapters.postgres.drafting.steps import make_stores
from tests.adapters.postgres.intake.steps import Store, fact, outbox, row_of, rows
from tests.support.wire import FACT, arrive, change


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

    async def test_a_time_comes_back_with_the_offset_that_it_was_sent_with(self, pool: Pool, store: Store) -> None:
        local, utc = "2026-03-02T09:00:00+05:30", "2026-03-02T09:00:00+00:00"
        await store(fact("a", version=1, time=local), fact("b", version=2, time=utc), fact("c", version=3, time=local))
        await pool.execute("UPDATE session_events SET utc_offset = NULL WHERE version = 3")  # of an earlier release
        history = await make_stores(pool).queue.history(SessionKey("default", "s1"))
        assert history is not None
        times = [event.occurred_at.isoformat() for event in history.events]
        assert times == [local, utc, "2026-03-02T03:30:00+00:00"]

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.promise(2)
    async def test_order_repetition_and_batches_change_nothing(self, pool: Pool, store: Store, seed: int) -> None:
        chance = random.Random(seed)
        values = [fact(f"text {version}", version=version, subject=f"s{version % 3}") for version in range(1, 25)]
        values += chance.sample(values, 8)
        chance.shuffle(values)
        while values:
            size = chance.randint(1, 6)
            await store(*values[:size])
            values = values[size:]
        events = await rows(pool, "session_events", "session_id", "version", "event_id", "data")
        assert [row[1] for row in sorted(events, key=lambda row: row[1])] == list(range(1, 25))
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

    async def test_another_record_at_the_same_offset_of_a_topic_made_anew_is_told_too(
        self, pool: Pool, store: Store
    ) -> None:
        for time_ms in (1000, 1000, 2000, 2000, 1000):
            await store(arrive(b"{", offset=77, timestamp_ms=time_ms))
        assert [row[0] for row in await rows(pool, "dead_letters", "record_ms")] == [1000, 2000]
        assert len(await outbox(pool)) == 2

    async def test_a_dead_letter_of_the_release_before_is_the_same_one_unless_it_is_older_than_the_record(
        self, pool: Pool, store: Store
    ) -> None:
        await store(arrive(b"{", offset=77))
        failed_at = await pool.fetchval("SELECT extract(epoch FROM failed_at) * 1000 FROM dead_letters")
        assert (await store(arrive(b"{", offset=77, timestamp_ms=int(failed_at) - 1000))).refused == {}
        assert (await store(arrive(b"{", offset=77, timestamp_ms=int(failed_at) + 1000))).refused == {"undecodable": 1}

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
        row = await row_of(pool, "SELECT * FROM outbox")
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
        assert isinstance(event_found, SessionChange)
        good[3] = good[3]._replace(arrival=event_found._replace(event_id="a\x00b"))
        stored = await store(*good)
        assert stored.outcomes["stored"] == 7
        assert stored.refused == {"invalid": 1}
        assert await rows(pool, "sessions", "event_count") == [(7,)]
