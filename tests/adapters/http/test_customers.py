"""Spend, feedback and tenants in the console, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from consumer.adapters.postgres.core.pool import Pool
from tests.support.console import Answer, Surfer
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, arrive, change, event, request

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>'\" onmouseover=x"
TICKET = {"system": "halopsa", "ticket_id": "<b>7</b>"}


@pytest.fixture
def filler(pool: Pool) -> StoreFiller:
    return StoreFiller(pool)


async def packages(filler: StoreFiller, *tenants: str) -> list[UUID]:
    """A package for each tenant, with a ticket."""
    for tenant in tenants:
        await filler.store(
            change("session.opened.v1", {"title": "Mail", "psa_ticket": TICKET}, version=1, tenantid=tenant),
            change(data=FACT, version=2, tenantid=tenant),
            request(attributes={"tenantid": tenant}),
        )
    return await filler.draft()


async def tell(filler: StoreFiller, package: UUID | str, tenant: str, outcome: str, **data: Any) -> None:
    said = {"package_id": str(package), "outcome": outcome, **data}
    details = {"id": f"{package}-{outcome}", "tenantid": tenant, "time": datetime.now(UTC).isoformat()}
    await filler.store(
        arrive(event("escalation.package_feedback.v1", said, **details), topic="escalation-package-feedback")
    )


async def pay(pool: Pool, tenant: str, usd: float, *, days_ago: int = 0, drafted_for: str = "r1/1") -> None:
    await pool.execute(
        "INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, began_at, ended_at, "
        "usd, input_tokens, output_tokens) VALUES ($1, 's1', $3, 'draft', 'anthropic', 'claude-sonnet-5-5', "
        "now() - make_interval(days => $4), now(), $2, 600, 700)",
        tenant, usd, drafted_for, days_ago,
    )  # fmt: skip
    for payer in ("", tenant):
        await pool.execute(
            "INSERT INTO model_days VALUES ($1, (now() AT TIME ZONE 'UTC')::date - $3::int, 'anthropic', "
            "'claude-sonnet-5-5', 'draft', 1, $2, 600, 700, 300, 100) ON CONFLICT (tenant_id, day, provider, model, "
            "purpose) DO UPDATE SET calls = model_days.calls + 1, usd = model_days.usd + excluded.usd",
            payer, usd, days_ago,
        )  # fmt: skip


def rows(answer: Answer, heading: str) -> list[list[str]]:
    """The cells of the table below the heading."""
    title = next(tag for tag in answer.page.find_all("h2") if tag.get_text().strip() == heading)
    table = title.find_next("table")
    assert table is not None
    body = table.find("tbody")
    assert body is not None
    return [
        [" ".join(cell.split()) for cell in str(row.get_text("|")).split("|") if cell.strip()]
        for row in body.find_all("tr")
    ]


def assert_inert(answer: Answer) -> None:
    """No text of a record has become markup."""
    assert [word for word in ("<script>alert", "<img", "<i>x", "<b>") if word in answer.text] == []


async def test_spend_is_told_by_model_tenant_and_day_with_the_dearest(
    surfer: Surfer, pool: Pool, filler: StoreFiller
) -> None:
    (package,) = await packages(filler, "acme")
    await pay(pool, "acme", 0.5)
    await pay(pool, "acme", 0.25, days_ago=1)
    await pay(pool, HOSTILE, 3.0, days_ago=1, drafted_for=HOSTILE)
    since = (datetime.now(UTC).date() - timedelta(days=5)).isoformat()
    answer = await surfer.get(f"/spend?since={since}")
    assert answer.status == 200
    assert_inert(answer)
    assert f"Since {since} $3.75" in answer.said
    assert "Read from the cache 30 %" in answer.said
    assert [row[1] for row in rows(answer, "By tenant")] == ["$3.00", "$0.7500"]
    assert [row[1] for row in rows(answer, "By day")] == ["$0.5000", "$3.25"]
    assert answer.page.find("a", href=f"/package?id={package}") is not None
    of_one = await surfer.get(f"/spend?tenant=acme&since={since}")
    assert f"Since {since} $0.7500" in of_one.said
    assert "By tenant" not in of_one.said


async def test_a_budget_is_told_with_what_is_spent_of_it(surfer: Surfer, pool: Pool) -> None:
    await pay(pool, "acme", 9.0)
    await pool.execute(
        "INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language, monthly_budget_usd, note_footer) "
        "VALUES ('acme', 'e', now(), 'on', 'de', 10, $1)", HOSTILE,
    )  # fmt: skip
    assert "90 % of a budget of $10.00" in (await surfer.get("/spend?tenant=acme")).said
    assert "no budget is set" in (await surfer.get("/spend")).said
    tenants = await surfer.get("/tenants")
    assert "acme on de $9.00 $10.00" in tenants.said
    assert "onmouseover=x" in tenants.said
    assert_inert(tenants)
    assert "The defaults hold" in (await surfer.get("/tenants?tenant=other")).said


async def test_feedback_is_summed_by_the_last_word_and_listed(surfer: Surfer, filler: StoreFiller, pool: Pool) -> None:
    first, second, third = await packages(filler, "a", "b", "c")
    await pool.execute("UPDATE packages SET created_at = now() - interval '2 hours'")
    await tell(filler, first, "a", "posted")
    await tell(filler, first, "a", "accepted", comment=HOSTILE, tags=["<i>x</i>"])
    await tell(filler, second, "b", "edited", reason=HOSTILE, edited_sections=["next_steps"])
    await tell(filler, "nobody-knows-it <b>", "a", "rejected")
    answer = await surfer.get("/feedback")
    assert answer.status == 200
    assert_inert(answer)
    by_model = rows(answer, "By model")
    assert by_model[0][:4] == ["rules", "2", "50 %", "of 2"]
    assert by_model[1][0] == "of no package that is stored"
    assert len(rows(answer, "All that was said")) == 4
    assert [str(third) in str(link) for link in answer.page.find_all("a", href=f"/package?id={third}")] == [True]
    of_one = await surfer.get("/feedback?outcome=edited&tenant=b")
    assert len(rows(of_one, "All that was said")) == 1
    assert (await surfer.get("/feedback?outcome=great")).status == 400
    assert (await surfer.get("/feedback?days=0")).status == 400


async def test_feedback_goes_on_at_the_next_page(surfer: Surfer, pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO package_feedback SELECT 'a', 's1', n::text, 'p' || n, 'posted', '{}', "
        "now() - make_interval(secs => n) FROM generate_series(1, 70) AS n"
    )
    first = await surfer.get("/feedback")
    link = first.page.find("a", rel="next")
    assert link is not None
    second = await surfer.get(str(link["href"]))
    assert (len(rows(first, "All that was said")), len(rows(second, "All that was said"))) == (50, 20)
    assert second.page.find("a", rel="next") is None


async def test_what_is_empty_says_so_and_wrong_filters_are_refused(surfer: Surfer) -> None:
    assert "Nothing was paid for" in (await surfer.get("/spend")).said
    assert "Nobody has said anything" in (await surfer.get("/feedback")).said
    assert "No tenant has a policy" in (await surfer.get("/tenants")).said
    for path in ("/spend?since=yesterday", "/spend?since=1999-01-01", "/feedback?days=x", "/feedback?before=x"):
        assert (await surfer.get(path)).status == 400, path
