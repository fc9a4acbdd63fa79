"""What needs attention now, on a real PostgreSQL."""

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import RequestKey
from consumer.errors import Transient
from consumer.flows.viewing.overview import COUNTED
from consumer.flows.viewing.ports import Viewing
from tests.support.store_filler import StoreFiller
from tests.support.tables import Tables
from tests.support.wire import change, request


async def test_now_tells_what_waits_what_is_refused_what_it_costs_and_what_stands(
    views: Viewing, tables: Tables, pool: Pool
) -> None:
    await tables.add_request(RequestKey("t", "s", "near"), stored_at=-100.0, deadline_at=20.0)
    await tables.add_request(RequestKey("t", "s", "late"), stored_at=-50.0, deadline_at=-20.0)
    await tables.add_request(RequestKey("t", "s", "far"), deadline_at=900.0)
    await pool.execute("UPDATE requests SET leased_until = now() + interval '1 minute' WHERE request_id = 'far'")
    await tables.add_request(RequestKey("t", "s", "still"), backlog='{"x/3": 900}', deadline_at=None, due_at=None)
    await tables.add_request(RequestKey("t", "s", "fallback"), state="done", upgrade_wanted=True, ended_at=-60.0)
    await pool.execute("INSERT INTO intake_positions VALUES ('x', 3, 880), ('x', 4, 5)")
    await pool.execute("INSERT INTO model_outage (reason) VALUES ('HTTP 503')")
    await pool.execute(
        "INSERT INTO outbox (topic, value, refused_at, refusal) VALUES ('ready', '', now(), 'too large')"
    )
    await pool.execute(
        'INSERT INTO dead_letters (topic, partition, "offset", reason, error, excerpt, failed_at)'
        " SELECT 'x', 0, n, 'invalid', '', '', now() - n * interval '10 hours' FROM generate_series(0, 4) AS n"
    )
    await pool.execute(
        "INSERT INTO model_days SELECT tenant, (now() AT TIME ZONE 'UTC')::date, 'p', 'm', 'draft', 1, 2, 1, 1, 1, 1"
        " FROM unnest(ARRAY['', 't']) AS tenant"
    )
    await pool.execute(
        "INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language, monthly_budget_usd)"
        " VALUES ('t', 'e', now(), 'on', 'en', 2)"
    )
    now = await views.overview()
    waiting = now.waiting
    assert (waiting.open_requests, waiting.leased, waiting.with_still_clock) == (4, 1, 1)
    assert waiting.oldest_seconds == pytest.approx(100, abs=20)
    assert [view.key.request_id for view in waiting.near_deadline] == ["late", "near"]
    assert [view.missed_deadline for view in waiting.near_deadline] == [True, False]
    assert now.upgrades.waiting == 1
    assert now.upgrades.oldest_seconds == pytest.approx(60, abs=20)
    assert [(each.reason.value, each.count) for each in now.dead_letters] == [("invalid", 3)]
    assert (now.spend.today_usd, now.spend.month_usd, now.spend.tenants_over) == (2.0, 2.0, ("t",))
    assert (now.outbox.waiting, now.outbox.parked, now.outbox.refusal) == (1, 1, "ready: too large")
    assert now.outage is not None
    assert now.outage.reason == "HTTP 503"
    assert [(str(each.partition), each.lag_records) for each in now.reading] == [("x/3", 20), ("x/4", None)]


async def test_now_names_requests_that_are_ahead_of_their_session(
    views: Viewing, filler: StoreFiller, pool: Pool
) -> None:
    """Not those that overtook their events a moment ago, have a backlog to wait for, or need no version."""
    for session in ("s1", "old", "behind"):
        await filler.store(change("session.opened.v1", {"title": "Mail"}, version=14, subject=session))
    for name, session, version in (
        ("far", "s1", 99), ("near", "s1", 15), ("any", "s1", None), ("slow", "old", 15), ("unknown", "nobody", None),
        ("young", "nobody-yet", 99), ("still", "behind", 99),
    ):  # fmt: skip
        await filler.store(request(name, attributes={"subject": session}, state_version=version))
    await pool.execute("UPDATE requests SET backlog = '{\"x/3\": 900}' WHERE request_id = 'still'")
    await pool.execute(
        "UPDATE requests SET stored_at = stored_at - interval '20 s' WHERE request_id IN ('slow', 'unknown')"
    )
    ahead = (await views.overview()).waiting.ahead
    assert [view.key.request_id for view in ahead] == ["slow", "unknown", "far"]
    assert (ahead[-1].waits_for or "").startswith("It waits for version 99 of the session, of which 14 is the newest")


async def test_counts_stop_at_a_bound(views: Viewing, tables: Tables) -> None:
    await tables.execute(
        "INSERT INTO requests (tenant_id, session_id, request_id, state) SELECT 't', 's', 'r' || n, 'open'"
        " FROM generate_series(1, $1::int + 10) AS n",
        COUNTED,
    )
    assert (await views.overview()).waiting.open_requests == COUNTED


async def test_a_look_that_takes_too_long_ends_and_says_what_to_do(
    views: Viewing, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is the transaction's own: the lock that it waits for here stands for a table that is too large."""
    monkeypatch.setattr("consumer.adapters.postgres.viewing.look.STATEMENT_SECONDS", 0.2)
    async with tables.transaction() as blocking:
        await blocking.execute("LOCK TABLE dead_letters IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Transient, match="narrow the look"):
            await views.overview()
