"""Acts that delete or repair, by the service and by commands: only the oracle's checks of what was published apply."""

import json

from tests.support.killing.records import age, fact, feedback, opened, refuse, send_rubbish
from tests.support.killing.world import World

PASSWORD = "Winter-2031!x"
_PROTECTED = {"parameters": [{"key": "pass", "field_type": "password"}]}


async def secret_late(world: World) -> None:
    """A value that becomes known as secret after it was stored, drafted and published in other texts."""
    story = world.story()
    used = {"generation_id": "g", "template": {"name": "Reset", "parameters_schema": _PROTECTED}}
    await world.send(opened(world, story), fact(story, f"They typed {PASSWORD} there."))
    await world.send(story.request(reason=f"They still see {PASSWORD} there."))
    await send_rubbish(world, story, f"{PASSWORD} there")
    await world.quiet()
    package = await world.tables.fetchval("SELECT package_id FROM packages WHERE session_id = $1", story.session_id)
    await world.send_raw(*feedback(world, story, "edited", str(package), comment=f"There is {PASSWORD} in it."))
    await world.quiet()
    await world.send(story.event("session.script_generated.v1", used | {"parameters_used": {"pass": PASSWORD}}))
    await world.quiet()
    await world.send(fact(story, f"They typed {PASSWORD} there again."))
    await world.quiet()
    held = await world.tables.fetch(
        "SELECT 1 FROM session_events WHERE session_id = $1 AND data LIKE $2", story.session_id, f"%{PASSWORD}%"
    )
    assert not held


async def redriven(world: World) -> None:
    """Dead letters that are sound by now, of which a request waits for a version, and one that stays."""
    story = world.story()
    origins = await world.send(opened(world, story), fact(story), story.request(state_version=3, deadline_seconds=600))
    await send_rubbish(world, story)
    await world.seen("EXISTS (SELECT FROM requests WHERE session_id = $1)", story.session_id)
    await world.seen("(SELECT count(*) = 1 FROM dead_letters WHERE session_id = $1)", story.session_id)
    await refuse(world, story, origins)
    await world.command("dead-letters", "redrive", "--yes", "--session", story.session_id)
    await world.send(fact(story))
    await world.quiet()


async def purged(world: World) -> None:
    """A dead letter that is purged."""
    story = world.story()
    await send_rubbish(world, story)
    await world.seen("(SELECT count(*) = 1 FROM dead_letters WHERE session_id = $1)", story.session_id)
    await world.command("dead-letters", "purge", "--yes", "--session", story.session_id)
    await world.quiet()


async def replayed(world: World) -> None:
    """A package of an older prompt, planned and drafted anew."""
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()
    for table in ("drafts", "packages"):
        await world.tables.execute(
            f"UPDATE {table} SET prompt_version = 'older' WHERE session_id = $1",
            story.session_id,
        )
    plan = json.loads(await world.command("replay", "plan", "--json", "--session", story.session_id))
    await world.command("replay", "apply", plan["replay_id"], "--publish", "--json")
    await world.quiet()


async def replayed_free(world: World) -> None:
    """Replays of an older prompt: rendered anew from stored drafts, drafted but not published, and cancelled."""
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()
    await world.tables.execute("UPDATE packages SET prompt_version = 'older' WHERE session_id = $1", story.session_id)
    chosen = ("replay", "plan", "--json", "--session", story.session_id)
    plan = json.loads(await world.command(*chosen))
    await world.command("replay", "apply", plan["replay_id"], "--publish", "--model", "none", "--json")
    await world.quiet()
    plan = json.loads(await world.command(*chosen))
    await world.command("replay", "apply", plan["replay_id"], "--json")
    await world.quiet()
    plan = json.loads(await world.command(*chosen))
    await world.command("replay", "cancel", plan["replay_id"], "--json")
    await world.quiet()


async def trimmed(world: World) -> None:
    """A session whose content is old enough to go, and one whose keys are; by the service and by the command."""
    story, keys = world.story(), world.story("keys")
    for each in (story, keys):
        await world.send(opened(world, each), fact(each), each.request(reason="They wait."))
    await world.quiet()
    await age(world, keys, days=100)
    async with world.down():
        pass  # the service trims when it starts
    await world.seen("(SELECT trimmed_at IS NOT NULL FROM sessions WHERE session_id = $1)", keys.session_id)
    await world.tables.execute(
        "UPDATE sessions SET trimmed_at = trimmed_at - interval '61 days' WHERE session_id = $1", keys.session_id
    )
    await age(world, story, days=100)
    await world.command("trim", "--json", ESCALATION_RETENTION_DAYS="30", ESCALATION_KEY_RETENTION_DAYS="60")
    await world.quiet()


async def rebuilt(world: World) -> None:
    """A store made anew from the topics, beside the one that serves."""
    story, gone, waiting = world.story(), world.story("gone"), world.story("waiting")
    await world.send(opened(world, story), fact(story), story.request())
    await world.send(opened(world, gone), gone.request(), opened(world, waiting))
    await world.quiet()
    await world.send(gone.event("session.erased.v1"), fact(story), waiting.request(state_version=9))
    await world.send(waiting.cancel())
    await world.quiet()
    await world.committed()
    await world.rebuilt_beside()


async def restored(world: World) -> None:
    """A store that comes back older than the committed offsets reads again what it lost, and adopts what was told."""
    story = world.story()
    before = await world.positions()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()
    await world.committed()
    async with world.down():
        await world.lose(before)
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1)", story.session_id)
    await world.quiet()
