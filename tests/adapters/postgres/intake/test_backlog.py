"""A request's clock stands still while there is a backlog."""

import random

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import TopicPartition
from schemas.topics import REQUESTS, SESSIONS
from tests.adapters.postgres.intake.steps import Store, fact, finish, request_row
from tests.support.wire import arrive, change, request


def hash_of(session: str) -> int:
    """Its partition, of two."""
    return int(session[1:]) % 2


class TestBacklog:
    LIVE, REPLAYED = TopicPartition(SESSIONS, 0), TopicPartition(SESSIONS + ".replay", 0)

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

    async def test_a_partition_that_stands_still_no_longer_counts(self, pool: Pool, store: Store) -> None:
        await store(request(), positions={self.LIVE: 10}, ends={self.LIVE: 20})
        await pool.execute("UPDATE requests SET stored_at = now() - interval '70 seconds'")
        await pool.execute("UPDATE intake_positions SET moved_at = now() - interval '50 seconds'")
        assert (await store(positions={self.LIVE: 10}, look_at_backlog=True)).backlogged is True
        await pool.execute("UPDATE intake_positions SET moved_at = now() - interval '61 seconds'")
        assert (await store(positions={self.LIVE: 10}, look_at_backlog=True)).backlogged is False
        assert (await request_row(pool))["deadline_at"] is not None

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
        other = TopicPartition(SESSIONS, 1)
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

    async def test_a_request_that_is_done_before_holds_up_nobody(self, pool: Pool, store: Store) -> None:
        await store(request(state_version=2), positions={self.LIVE: 10}, ends={self.LIVE: 20})
        await store(fact("a", version=2), positions={self.LIVE: 11})
        await finish(pool)
        stored = await store(positions={self.LIVE: 20}, look_at_backlog=True)
        assert stored.backlogged is False
        assert (await request_row(pool))["due_at"] is None

    @pytest.mark.parametrize("seed", range(6))
    async def test_no_clock_runs_before_the_sessions_events_are_read(self, pool: Pool, store: Store, seed: int) -> None:
        """Members read topics of two partitions in any order and any pieces, and rewind now and then."""
        chance = random.Random(seed)
        sessions = [f"s{number}" for number in range(6)]
        of_part = {part: [session for session in sessions if hash_of(session) == part] for part in (0, 1)}
        events = {TopicPartition(SESSIONS, part): of_part[part] for part in (0, 1)}
        asked = {TopicPartition(REQUESTS, part): of_part[part] for part in (0, 1)}
        topics = events | asked
        ends = {partition: len(log) for partition, log in events.items()}
        at = dict.fromkeys(topics, 0)
        while any(at[partition] < len(log) for partition, log in topics.items()):
            chosen = chance.choice([partition for partition in topics if at[partition] < len(topics[partition])])
            if chance.random() < 0.1:
                # a crash, or a rewind
                at = {partition: chance.randint(0, reached) for partition, reached in at.items()}
            piece = topics[chosen][at[chosen] : at[chosen] + chance.randint(1, 2)]
            at[chosen] += len(piece)
            made = [
                change(version=1, subject=session)
                if chosen in events
                else request(f"r-{session}", attributes={"subject": session}, deadline_seconds=3600)
                for session in piece
            ]
            # the other partitions may not be known yet
            known = [partition for partition in at if partition == chosen or chance.random() < 0.7]
            batch = [arrive(value, topic=chosen.topic, key=value["subject"].encode()) for value in made]
            await store(
                *batch, positions={partition: at[partition] for partition in known}, ends=ends, look_at_backlog=True
            )
            early = await pool.fetch(
                "SELECT r.session_id FROM requests AS r JOIN sessions AS s USING (tenant_id, session_id)"
                " WHERE r.half_deadline_at IS NOT NULL AND s.newest_version IS NULL"
            )
            assert not early
        await store(positions=at, look_at_backlog=True)
        running = await pool.fetchval("SELECT count(*) FROM requests WHERE due_at <= now()")
        assert running == len(sessions)

    async def test_a_topic_made_anew_does_not_hold_up_for_ever(self, pool: Pool, store: Store) -> None:
        await store(request(), positions={self.LIVE: 10}, ends={self.LIVE: 20})
        await store(positions={self.LIVE: 2}, ends={self.LIVE: 2}, look_at_backlog=True)
        assert (await request_row(pool))["deadline_at"] is not None
