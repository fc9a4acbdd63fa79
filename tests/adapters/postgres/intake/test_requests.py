"""Requests: when they are due, their cancellations, replays and revisions."""

from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import Decoded
from schemas.topics import REQUESTS
from tests.adapters.postgres.intake.steps import TICKET, Store, fact, finish, opened, outbox, request_row, rows
from tests.support.wire import arrive, cancellation, change, request


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
        await store(again)  # on the live topic it has no effect
        assert (await request_row(pool))["due_at"] is None
        await store(arrive(again, topic=REQUESTS + ".replay"))
        row = await request_row(pool)
        assert (row["due"], row["cause"], row["replay_id"], row["rank"]) == (True, "replay", "again", 23)

    async def test_a_replay_that_was_met_before_asks_for_nothing(self, pool: Pool, store: Store) -> None:
        def again(name: str) -> Decoded:
            return arrive(request(attributes={"replayid": name}), topic=REQUESTS + ".replay")

        await store(request())
        await finish(pool)
        await store(again("march"), again("april"))
        assert (await request_row(pool))["replay_id"] == "april"
        await pool.execute("UPDATE requests SET due_at = NULL, cause = 'state_changed', replay_id = NULL")
        await store(again("march"), again("april"))
        assert (await request_row(pool))["due_at"] is None
        await store(again("may"))
        assert (await request_row(pool))["replay_id"] == "may"

    async def test_the_replay_that_brought_a_request_asks_for_nothing_later(self, pool: Pool, store: Store) -> None:
        first = arrive(request(attributes={"replayid": "march"}), topic=REQUESTS + ".replay")
        await store(first)
        await finish(pool)
        await store(first)
        assert (await request_row(pool))["due_at"] is None

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
