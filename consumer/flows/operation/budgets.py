"""The look, once a minute, at budgets that are nearly used up and at packages that nobody has posted.

It is slower than the watch, and what it sees stops nothing: figures, and a line in the log for each budget.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog

from consumer.errors import Transient
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import rest

LOOP = "budgets"
LOOK_SECONDS = 60.0
NEARLY = 0.8
"""The share of a budget from which on it is told."""
UNPOSTED_MINUTES = 30.0
"""A package that nobody has told to be posted after so long is counted."""

log = structlog.stdlib.get_logger("escalation.operation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A budget of which a great part is spent in this month."""

    tenant: str
    """Empty for the budget of all tenants together."""
    usd: float
    bound: float

    @property
    def is_spent(self) -> bool:
        return self.usd >= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What somebody should look at."""

    unposted: int | None
    """None where no sync has ever given feedback."""
    budgets: tuple[Budget, ...]


class TenantTables(Protocol):
    """The tables of tenants. Raises Transient while the database is away."""

    async def attention(self, *, monthly_budget_usd: float | None, minutes: float, share: float) -> Attention:
        """Budgets of which `share` or more is spent, and packages that are unposted after so many minutes."""


class BudgetWatch:
    """`run` returns after `stop`."""

    def __init__(self, *, tables: TenantTables, monthly_budget_usd: float | None, meters: Meters) -> None:
        self._tables = tables
        self._monthly_budget_usd = monthly_budget_usd
        self._meters = meters
        self._said: set[tuple[str, float, bool]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                attention = await self._tables.attention(
                    monthly_budget_usd=self._monthly_budget_usd, minutes=UNPOSTED_MINUTES, share=NEARLY
                )
            except Transient:  # the watch says so
                for meter in (Meter.BUDGETS_NEARLY_SPENT, Meter.BUDGETS_SPENT, Meter.UNPOSTED):
                    self._meters.replace(meter, {})
            else:
                self._show(attention)
            await rest(stop, LOOK_SECONDS)

    def _show(self, attention: Attention) -> None:
        spent = [budget for budget in attention.budgets if budget.is_spent]
        self._meters.set(Meter.BUDGETS_NEARLY_SPENT, len(attention.budgets))
        self._meters.set(Meter.BUDGETS_SPENT, len(spent))
        self._meters.replace(Meter.UNPOSTED, {} if attention.unposted is None else {"": attention.unposted})
        known = {(budget.tenant, budget.bound, budget.is_spent): budget for budget in attention.budgets}
        for name in known.keys() - self._said:
            budget = known[name]
            log.warning(
                "A budget of this month is used up: rules draft." if budget.is_spent else "A budget is nearly used up.",
                event_name="budget_spent" if budget.is_spent else "budget_nearly_spent",
                tenant=budget.tenant or "(all)",
                usd=round(budget.usd, 4),
                budget_usd=budget.bound,
            )
        self._said = set(known)
