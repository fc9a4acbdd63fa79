"""What needs attention now, on a real PostgreSQL."""

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import RequestKey
from consumer.errors import Transient
from consumer.flows.viewing.overview import COUNTED
from consumer.flows.viewing.ports import Viewing
from tests.support.tables import Tables


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
