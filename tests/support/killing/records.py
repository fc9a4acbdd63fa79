"""What acts send: a session's first event, facts, rubbish, policies, feedback; and how a store is made older."""

import json
from collections.abc import Sequence

from consumer.domain.events import Origin
from tests.support import model_server
from tests.support.killing.world import World
from tests.support.model_server import Received, Reply
from tests.support.stage import Event, Story


def opened(world: World, story: Story, **fields: object) -> Event:
    """The session's first event; its title names it."""
    return story.opened(f"Case of {story.session_id} of {story.tenant_id or world.tag}", **fields)


def fact(story: Story, text: str = "The mailbox opens in the browser.") -> Event:
    """Its id is the same in every run."""
    return story.fact(text, fact_id=f"fact-{story.version + 1}")


async def refuse(world: World, story: Story, origins: Sequence[Origin]) -> None:
    """The store as an earlier release left it, which could not take these records."""
    async with world.tables.transaction():
        for table in ("requests", "session_events", "sessions"):
            await world.tables.execute(f"DELETE FROM {table} WHERE session_id = $1", story.session_id)
        for origin in origins:
            await world.tables.execute(
                'INSERT INTO dead_letters (topic, partition, "offset", record_ms, tenant_id, session_id, reason, error,'
                " excerpt) VALUES ($1, $2, $3, $4, 'default', $5, 'internal', 'by an earlier release', 'an excerpt')",
                *origin,
                story.session_id,
            )


async def age(world: World, story: Story, *, days: int) -> None:
    """The session and its requests become older."""
    by = f"interval '{days} days'"
    older = ", ".join(f"{column} = {column} - {by}" for column in ("stored_at", "ended_at", "first_done_at"))
    for change in (f"sessions SET changed_at = changed_at - {by}", f"requests SET {older}"):
        await world.tables.execute(f"UPDATE {change} WHERE session_id = $1", story.session_id)


async def send_rubbish(world: World, story: Story, text: str = "no JSON") -> None:
    """A record that ends as a dead letter, with the text in its excerpt."""
    origin = await world.send_raw(world.stage.topics.sessions, story.session_id, f"{{ {text}".encode())
    world.stage.refused.add(origin._replace(timestamp_ms=-1))  # the oracle names places without a time


def nonsense(world: World, call: Received) -> Reply:
    return model_server.Menu(world.model).says("Here is the note you wanted.")(call)


def policy(world: World, story: Story, data: dict[str, object]) -> tuple[str, str, bytes]:
    """Topic, key and value."""
    tenant = str(story.tenant_id)
    event = {"subject": tenant, "type": "tenant.policy_set.v1", "id": f"{tenant}-policy", "tenantid": tenant}
    return f"{world.stage.topics.prefix}escalation-tenant-policy", tenant, _value(event | {"data": data})


def feedback(world: World, story: Story, outcome: str, package_id: str, **said: str) -> tuple[str, str, bytes]:
    """Topic, key and value."""
    event = {"subject": story.session_id, "type": "escalation.package_feedback.v1", "id": f"{world.tag}-{outcome}"}
    event |= {"tenantid": story.tenant_id or "default"}
    data = {"package_id": package_id, "outcome": outcome, **said}
    return f"{world.stage.topics.prefix}escalation-package-feedback", story.session_id, _value(event | {"data": data})


def _value(event: dict[str, object]) -> bytes:
    return json.dumps({"specversion": "1.0", "source": "/tests", "time": "2026-03-02T09:00:00Z"} | event).encode()
