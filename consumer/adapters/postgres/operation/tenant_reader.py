"""Reads what tenants want, what they cost, and what became of their packages, for commands that show them."""

import json
from collections.abc import Mapping
from datetime import date

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.operation.store_reader import TableRow
from consumer.flows.operation.budgets import Attention, Budget

_tenants = Queries("tenants")
_spend = Queries("spend")


class TenantReader:
    """Every method raises Transient while the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def policies(self, tenant: str | None) -> list[TableRow]:
        """The policies of all tenants, or of one, with what was spent in this month and what held before."""
        rows = await self._rows(_spend.policies, tenant)
        return [{**row, "previous": json.loads(str(row["previous"] or "null"))} for row in rows]

    async def spend(self, tenant: str | None, since: date, *, by_day: bool) -> list[TableRow]:
        """Sums of calls by tenant, provider, model and purpose, and by day if wanted."""
        return await self._rows(_spend.spend, tenant, since, by_day)

    async def dearest(self, tenant: str | None, since: date, limit: int) -> list[TableRow]:
        """The packages that cost most."""
        return await self._rows(_spend.dearest, tenant, since, limit)

    async def feedback(self, tenant: str | None, outcome: str | None, limit: int) -> list[TableRow]:
        """The newest feedback, with the package that it is about, if that is known."""
        rows = await self._rows(_tenants.feedback, tenant, outcome, limit)
        return [_opened(row) for row in rows]

    async def summary(self, tenant: str | None, by: str, days: float) -> list[TableRow]:
        """How many packages of the last `days` were posted, accepted, edited and so on, by a column of theirs."""
        return await self._rows(_tenants.summary, tenant, by, days)

    async def unposted(self, tenant: str | None, minutes: float, limit: int) -> list[TableRow]:
        """Packages with a ticket that nobody has told to be posted, so many minutes after they were made."""
        return await self._rows(_tenants.unposted, minutes, tenant, limit)

    async def attention(self, *, monthly_budget_usd: float | None, minutes: float, share: float) -> Attention:
        """Implements the port `flows.operation.budgets.TenantTables`."""
        async with reachable(self._pool):
            unposted = await self._pool.fetchval(_tenants.count_unposted, minutes)
            rows = await self._pool.fetch(_spend.nearly_spent, monthly_budget_usd, share)
        return Attention(
            unposted=unposted,
            budgets=tuple(Budget(tenant=row["tenant_id"], usd=row["usd"], bound=row["budget"]) for row in rows),
        )

    async def _rows(self, query: str, *arguments: object) -> list[TableRow]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(query, *arguments)
        return [dict(row.items()) for row in rows]


def _opened(row: TableRow) -> Mapping[str, object]:
    said = json.loads(str(row["said"]))
    texts = {name: said.get(name) for name in ("note_id", "reason", "tags", "edited_sections", "comment")}
    return {**{name: value for name, value in dict(row).items() if name != "said"}, **texts}
