"""What commands tell of feedback and spend, on a real PostgreSQL."""

from datetime import date
from typing import Any
from uuid import UUID

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, arrive, change, event, request

FEEDBACK = "escalation-package-feedback"
TICKET = {"system": "halopsa", "ticket_id": "7"}


async def packages(filler: StoreFiller, *tenants: str) -> list[UUID]:
    """A package for each tenant, with a ticket."""
    for tenant in tenants:
        await filler.store(
            change("session.opened.v1", {"title": "Mail", "psa_ticket": TICKET}, version=1, tenantid=tenant),
            change(data=FACT, version=2, tenantid=tenant),
            request(attributes={"tenantid": tenant}),
        )
    return await filler.draft()


async def tell(filler: StoreFiller, package: UUID | str, tenant: str, *outcomes: str, **data: Any) -> None:
    for number, outcome in enumerate(outcomes):
        said = {"package_id": str(package), "outcome": outcome, **data}
        details = {"id": f"{package}-{outcome}", "tenantid": tenant, "time": f"2026-03-02T09:{number:02}:00Z"}
        await filler.store(arrive(event("escalation.package_feedback.v1", said, **details), topic=FEEDBACK))


async def test_a_summary_counts_what_became_of_each_package_once(pool: Pool, filler: StoreFiller) -> None:
    first, second, third, fourth = await packages(filler, "a", "b", "c", "d")
    await tell(filler, first, "a", "posted", "accepted")
    await tell(filler, second, "b", "posted", "accepted", "edited", edited_sections=["next_steps"])
    await tell(filler, third, "c", "posted")
    await tell(filler, fourth, "d", "failed", reason="The ticket is closed.")
    await tell(filler, "nobody-knows-it", "a", "rejected")
    reader = TenantReader(pool)
    whole, unknown = await reader.summary(None, "all", 30)
    assert whole == {
        "value": "all", "packages": 4, "posted": 3, "accepted": 1, "edited": 1, "rejected": 0, "failed": 1, "silent": 0,
    }  # fmt: skip
    assert (unknown["value"], unknown["packages"]) == ("unknown", 1)
    by_tenant = {row["value"]: row for row in await reader.summary(None, "tenant", 30)}
    assert [by_tenant[name]["edited"] for name in "abcd"] == [0, 1, 0, 0]
    for by in ("prompt", "model", "provider", "language"):
        assert sum(int(str(row["packages"])) for row in await reader.summary(None, by, 30)) == 5
    assert [row["value"] for row in await reader.summary("a", "language", 30)] == ["en", "unknown"]


async def test_feedback_is_listed_with_what_was_said_and_the_package(pool: Pool, filler: StoreFiller) -> None:
    (package,) = await packages(filler, "a")
    await tell(filler, package, "a", "posted", "edited", comment="Wrong host.", edited_sections=["next_steps"])
    newest, oldest = await TenantReader(pool).feedback(None, None, 10)
    assert (newest["outcome"], newest["comment"]) == ("edited", "Wrong host.")
    assert newest["edited_sections"] == ["next_steps"]
    assert (oldest["outcome"], oldest["request_id"], oldest["revision"]) == ("posted", "r1", 1)
    assert await TenantReader(pool).feedback("b", None, 10) == []
    assert len(await TenantReader(pool).feedback(None, "edited", 10)) == 1


async def test_packages_that_nobody_has_posted_are_told_once_a_sync_tells_anything(
    pool: Pool, filler: StoreFiller
) -> None:
    reader = TenantReader(pool)
    first, second, third = await packages(filler, "a", "b", "c")
    await pool.execute("UPDATE packages SET created_at = now() - interval '1 hour' WHERE package_id <> $1", third)

    async def counted() -> int | None:
        return (await reader.attention(monthly_budget_usd=None, minutes=30, share=0.8)).unposted

    assert await counted() is None, "no sync gives feedback here"
    await tell(filler, first, "a", "posted")
    assert [row["package_id"] for row in await reader.unposted(None, 30, 10)] == [second]
    assert await counted() == 1
    await tell(filler, second, "b", "failed")
    assert await counted() == 0


async def test_budgets_are_told_from_eighty_percent_on(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language, monthly_budget_usd)"
        " SELECT name, 'e', now(), 'on', 'en', 10 FROM unnest(ARRAY['a', 'b', 'c']) AS name"
    )
    await pool.execute(
        "INSERT INTO model_days"
        " SELECT name, (now() AT TIME ZONE 'UTC')::date, 'anthropic', 'm', 'draft', 1, usd, 1, 1, 1, 1 FROM"
        " (VALUES ('a', 7.9), ('b', 8.0), ('c', 10.0), ('', 25.9)) AS spent (name, usd)"
    )
    attention = await TenantReader(pool).attention(monthly_budget_usd=30.0, minutes=30, share=0.8)
    spent = [(budget.tenant, budget.is_spent) for budget in attention.budgets]
    assert spent == [("", False), ("b", False), ("c", True)]


async def test_spend_is_told_by_tenant_and_model_and_by_day(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO model_days SELECT tenant, day::date, 'bedrock', 'm', 'draft', 2, 0.5, 10, 20, 30, 40"
        " FROM unnest(ARRAY['', 'a', 'b']) AS tenant, unnest(ARRAY['2026-03-01', '2026-03-02']) AS day"
    )
    reader = TenantReader(pool)
    whole = await reader.spend(None, date(2026, 3, 1), by_day=False)
    assert [(row["tenant_id"], row["calls"], row["usd"], row["output_tokens"]) for row in whole] == [
        ("a", 4, 1.0, 40), ("b", 4, 1.0, 40),
    ]  # fmt: skip
    assert len(await reader.spend("a", date(2026, 3, 2), by_day=True)) == 1


async def test_feedback_of_another_tenant_counts_for_no_package_of_this_one(pool: Pool, filler: StoreFiller) -> None:
    """Ids of packages can be reckoned: whoever names one of another tenant's has named an unknown one."""
    mine, _ = await packages(filler, "a", "b")
    await pool.execute("UPDATE packages SET created_at = now() - interval '1 hour'")
    await tell(filler, mine, "b", "posted", "edited", comment="Not mine.")
    reader = TenantReader(pool)
    (whole,) = await reader.summary("a", "all", 30)
    assert (whole["packages"], whole["posted"], whole["edited"], whole["silent"]) == (1, 0, 0, 1)
    assert {row["value"]: row["packages"] for row in await reader.summary("b", "all", 30)} == {"all": 1, "unknown": 2}
    assert [row["request_id"] for row in await reader.feedback("b", None, 10)] == [None, None]
    assert [row["tenant_id"] for row in await reader.unposted("a", 30, 10)] == ["a"]
