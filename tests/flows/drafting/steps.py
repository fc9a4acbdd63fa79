"""What tests of drafting ask for, and what they wait for."""

import asyncio
from typing import Any

from consumer.domain.events import RequestKey
from consumer.flows.operation.health import Health, Stuck
from tests.support import build
from tests.support.tables import Tables
from tests.support.waiting import until

Events = list[dict[str, Any]]


def request(name: str) -> RequestKey:
    return RequestKey("default", "session-1", name)


async def a_session(tables: Tables, *more: Any) -> None:
    await tables.add_events(build.in_order(build.opened(psa_ticket=build.TICKET), build.fact(), *more))


async def packages(tables: Tables, count: int = 1) -> Events:
    """The published events once there are so many."""

    async def enough() -> Events | None:
        found = await tables.published()
        return found if len(found) >= count else None

    found = await until(enough)
    assert len(found) == count, [event["type"] for event in found]
    return found


async def idle(tables: Tables) -> None:
    """The request has been taken up, and nothing more is due."""

    async def nothing_to_do() -> bool:
        row = await tables.request()
        return row["due_at"] is row["lease_token"] is None

    await until(nothing_to_do)


async def quiet(tables: Tables, count: int, *, seconds: float = 0.5) -> None:
    """For so long nothing more is published."""
    await asyncio.sleep(seconds)
    assert len(await tables.published()) == count


async def named(health: Health, what: str) -> Stuck:
    """What is stuck of this name: it is visible within 30 s."""

    async def found() -> Stuck | None:
        return next((stuck for stuck in health.stuck() if stuck.what == what), None)

    return await until(found, within_seconds=30.0)
