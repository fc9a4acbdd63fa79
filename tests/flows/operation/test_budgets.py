"""Budgets and unposted packages: told once, in figures and in the log."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from consumer.errors import Transient
from consumer.flows.operation import budgets
from consumer.flows.operation.budgets import Attention, Budget, BudgetWatch
from consumer.flows.operation.meters import Meter
from tests.support.meters import RememberedMeters
from tests.support.waiting import until

NEAR = Budget(tenant="acme", usd=8.5, bound=10.0)
SPENT = Budget(tenant="acme", usd=10.5, bound=10.0)
ALL = Budget(tenant="", usd=95.0, bound=100.0)


class Tables:
    """Tells what it is given, look by look; the last again and again."""

    def __init__(self, *looks: Attention | None) -> None:
        self._looks = list(looks)
        self.left = len(looks)

    async def attention(self, **_: object) -> Attention:
        self.left = max(self.left - 1, 0)
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if look is None:
            raise Transient("away")
        return look


async def watched(
    looks: Sequence[Attention | None], monkeypatch: pytest.MonkeyPatch
) -> tuple[RememberedMeters, list[str]]:
    monkeypatch.setattr(budgets, "LOOK_SECONDS", 0.01)
    tables, meters, stop = Tables(*looks), RememberedMeters(), asyncio.Event()
    with capture_logs() as logged:
        task = asyncio.create_task(BudgetWatch(tables=tables, monthly_budget_usd=None, meters=meters).run(stop))

        async def all_looked() -> bool:
            return tables.left == 0

        await until(all_looked)
        stop.set()
        await task
    return meters, [f"{line['event']} {line['tenant']}" for line in logged]


def seen(*some: Budget, unposted: int | None = None) -> Attention:
    return Attention(unposted=unposted, budgets=some)


async def test_each_budget_is_logged_once_when_it_is_nearly_used_up_and_once_when_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [seen(NEAR, ALL, unposted=3), seen(NEAR, ALL), None, seen(SPENT, ALL), seen(SPENT, ALL, unposted=0)]
    meters, lines = await watched(looks, monkeypatch)
    assert sorted(lines[:2]) == ["A budget is nearly used up. (all)", "A budget is nearly used up. acme"]
    assert lines[2:] == ["A budget of this month is used up: rules draft. acme"]
    assert meters.values[Meter.BUDGETS_NEARLY_SPENT, ""] == 2
    assert meters.values[Meter.BUDGETS_SPENT, ""] == 1
    assert meters.values[Meter.UNPOSTED, ""] == 0


async def test_a_new_month_ends_it_and_without_a_sync_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    meters, lines = await watched([seen(NEAR), seen(), seen(NEAR)], monkeypatch)
    assert lines == ["A budget is nearly used up. acme"] * 2
    assert (Meter.UNPOSTED, "") not in meters.values


async def test_figures_are_absent_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    meters, _ = await watched([seen(NEAR, unposted=3), None], monkeypatch)
    assert meters.values == {}
