"""What tests of drafting request and wait for."""

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
    """Waits for exactly `count` published events."""

    async def enough() -> Events | None:
        events = await tables.published()
        return events if len(events) >= count else None

    events = await until(enough)
    assert len(events) == count, [event["type"] for event in events]
    return events


async def idle(tables: Tables) -> None:
    """Waits until the request is done and nothing is due."""

    async def nothing_to_do() -> bool:
        row = await tables.request()
        return row["due_at"] is row["lease_token"] is None

    await until(nothing_to_do)


async def quiet(tables: Tables, count: int, *, seconds: float = 0.5) -> None:
    """Nothing more comes in `seconds`."""
    await asyncio.sleep(seconds)
    assert len(await tables.published()) == count


async def named(health: Health, what: str) -> Stuck:
    """The stuck item of this name; it shows within 30 s."""

    async def visible() -> Stuck | None:
        return next((stuck for stuck in health.stuck() if stuck.what == what), None)

    return await until(visible, within_seconds=30.0)
