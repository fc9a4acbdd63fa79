"""What is asked of a service while it is killed: each act is small and whole, and ends the same whatever was killed.

The first line of its docstring says what it is about. Acts of `LIVE` leave what the oracle expects; those of `JOBS`
delete or repair, so that only its checks of what was published apply.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

from consumer.domain.events import Origin
from schemas.topics import REPLAY_SUFFIX
from tests.support import model_server
from tests.support.killing.world import World
from tests.support.model_server import Received, Reply
from tests.support.stage import Event, Story

Act = Callable[[World], Awaitable[None]]

PASSWORD = "Winter-2031!x"
_PROTECTED = {"parameters": [{"key": "pass", "field_type": "password"}]}


async def plain(world: World) -> None:
    """Events and requests of two tenants; a repeated event, a conflict, an unreadable record, an unknown type."""
    here, there = world.story(), world.story(tenant="t")
    first = opened(world, here)
    await world.send(first, fact(here), here.fix(), here.event("session.dreamed.v1"), here.request(priority=1), first)
    await world.send(opened(world, there), fact(there) | {"actor": "a person"}, there.request(reason="It is urgent."))
    await world.send({**fact(there), "id": "a rival", "stateversion": 1})
    await send_rubbish(world, here)
    await world.quiet()


async def late(world: World) -> None:
    """A request that waits for a version, which comes when the request is known."""
    story = world.story()
    await world.send(opened(world, story), story.request(state_version=2, deadline_seconds=600))
    await world.seen("EXISTS (SELECT FROM requests WHERE session_id = $1)", story.session_id)
    await world.send(fact(story))
    await world.quiet()


async def behind(world: World) -> None:
    """Requests whose version or session never comes."""
    story, unknown = world.story(), world.story("unknown")
    await world.send(opened(world, story), story.request(state_version=9, deadline_seconds=5))
    await world.send(unknown.request(deadline_seconds=5))
    await world.quiet()


async def repaired(world: World) -> None:
    """A first answer that is refused, and a second one that is flagged."""
    world.model.always(lambda call: world.model.answer(call) if call.is_repair else nonsense(world, call))
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()


async def flagged(world: World) -> None:
    """The second reader flags a statement, and flags it again in the repair: it falls out."""
    world.model.reader(lambda call: world.model.flagging(call, {"n": 1, "verdict": "contradicted", "reason": "no"}))
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()


async def rejected(world: World) -> None:
    """Answers that are refused again after the repair; a second request of the same state."""
    world.model.always(lambda call: nonsense(world, call))
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()
    await world.send(story.request("r2"))
    await world.quiet()


async def at_once(world: World) -> None:
    """Two requests that want the same draft, of which one waits for the other."""
    world.model.always(model_server.Menu(world.model).slow(0.4))
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request(), story.request("r2"))
    await world.quiet()


async def asked_to_wait(world: World) -> None:
    """The API refuses a call for its limits, and takes the next one."""
    story = world.story()
    world.model.script(model_server.error(429, retry_after="0.1"))
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()


async def refused_by_model(world: World) -> None:
    """The first model refuses and the second one drafts."""
    refusal = model_server.Menu(world.model).refusal()
    world.model.always(lambda call: (refusal if call.model == "claude-sonnet-5-5" else world.model.answer)(call))
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()


async def model_away(world: World) -> None:
    """A fallback while the model is away, and the upgrade when it is back."""
    world.model.always(model_server.error(529))
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1)", story.session_id)
    while sum(world.drafts_begun().values()) < 2:  # noqa: ASYNC110 - a probe finds it away, too
        await asyncio.sleep(0.03)
    world.model.always(None)
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1 AND revision = 2)", story.session_id)
    await world.quiet()


async def answer_late(world: World) -> None:
    """The deadline comes before the answer, which becomes the upgrade."""
    world.model.always(model_server.Menu(world.model).slow(4.0))
    story = world.story()
    await world.send(opened(world, story), story.request(deadline_seconds=5))
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1)", story.session_id)
    world.model.always(None)
    await world.quiet()


async def revised(world: World) -> None:
    """A change after the package, a change that says nothing new, and a second request for what is drafted."""
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()
    await world.send(fact(story, "It began on Monday."))
    await world.quiet()
    await world.send(story.event("session.closed.v1", {"resolution": None}))
    await world.quiet()
    await world.send(story.request("r2"), story.request("r3", force=True))
    await world.quiet()


async def cancelled(world: World) -> None:
    """Cancellations before the request, while it waits, and after its package; a request sent again."""
    story, early, waiting = world.story(), world.story("early"), world.story("waiting")
    await world.send(opened(world, story), story.request())
    await world.send(early.cancel(), early.request(), opened(world, early))
    await world.send(opened(world, waiting), waiting.request(state_version=9, deadline_seconds=600))
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1)", story.session_id)
    await world.send(waiting.cancel(), story.cancel(), story.request())
    await world.quiet()


async def erased(world: World) -> None:
    """Sessions that are erased: with a package, with a waiting request, and before anything is known of them."""
    story, waiting, unknown = world.story(), world.story("waiting"), world.story("unknown")
    ticket = {"system": "halopsa", "ticket_id": "77"}
    await world.send(opened(world, story, psa_ticket=ticket), fact(story), story.request())
    await world.send(opened(world, waiting), waiting.request(state_version=9, deadline_seconds=600))
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1)", story.session_id)
    await world.send(*(each.event("session.erased.v1") for each in (story, waiting, unknown)), fact(story))
    await world.quiet()


async def secret_late(world: World) -> None:
    """A value that becomes known as secret after it was stored, drafted and published in other texts."""
    story = world.story()
    used = {"generation_id": "g", "template": {"name": "Reset", "parameters_schema": _PROTECTED}}
    await world.send(opened(world, story), fact(story, f"They typed {PASSWORD} there."))
    await world.send(story.request(reason=f"They still see {PASSWORD} there."))
    await send_rubbish(world, story)
    await world.quiet()
    package = await world.tables.fetchval("SELECT package_id FROM packages WHERE session_id = $1", story.session_id)
    await world.send_raw(*feedback(world, story, "edited", str(package), comment=f"There is {PASSWORD} in it."))
    await world.quiet()
    await world.send(story.event("session.script_generated.v1", used | {"parameters_used": {"pass": PASSWORD}}))
    await world.quiet()
    held = await world.tables.fetch(
        "SELECT 1 FROM session_events WHERE session_id = $1 AND data LIKE $2", story.session_id, f"%{PASSWORD}%"
    )
    assert not held


async def policies(world: World) -> None:
    """A tenant without a model, one without a budget; feedback on known and unknown packages."""
    off, poor = world.story("off", tenant="off"), world.story("poor", tenant="poor")
    await world.send_raw(*policy(world, off, {"model": "off", "note_footer": "Rate it."}))
    await world.send_raw(*policy(world, poor, {"monthly_budget_usd": 0.0, "language": "de"}))
    await world.seen("(SELECT count(*) = 2 FROM tenant_policies WHERE tenant_id LIKE $1)", f"{world.tag}-%")
    for story in (off, poor):
        await world.send(opened(world, story), fact(story), story.request())
    await world.quiet()
    package = await world.tables.fetchval("SELECT package_id FROM packages WHERE session_id = $1", off.session_id)
    for said, about in (("posted", str(package)), ("rejected", "unheard-of")):
        await world.send_raw(*feedback(world, off, said, about))
    await world.quiet()


async def sent_again(world: World) -> None:
    """Known records on the replay topics, and a request that asks for a further revision there."""
    story = world.story()
    events = [opened(world, story), fact(story)]
    await world.send(*events, story.request())
    await world.quiet()
    await world.send(*events, topic=world.stage.topics.sessions + REPLAY_SUFFIX)
    again = [story.request() | {"replayid": "march"}, story.request("r2") | {"replayid": "march"}]
    await world.send(*again, topic=world.stage.topics.requests + REPLAY_SUFFIX)
    await world.quiet()


async def doubted(world: World) -> None:
    """A prompt that the API refuses by 400, and the next one that it answers."""
    world.model.always(
        lambda call: (model_server.error(400) if "doubtful" in call.user_text else world.model.answer)(call)
    )
    story, other = world.story(), world.story("other")
    await world.send(opened(world, story, problem_summary="A doubtful one."), story.request())
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1)", story.session_id)
    await world.send(opened(world, other), other.request())
    await world.quiet()


async def first_start(world: World) -> None:
    """A service that starts for the first time, and finds what is there already."""
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.start()
    await world.quiet()


async def without_key(world: World) -> None:
    """A service without a key: rules draft."""
    story = world.story()
    await world.send(opened(world, story), fact(story), story.request())
    await world.start(keyed=False)
    await world.quiet()


async def killed_and_back(world: World) -> None:
    """A start that finds a call under way, and records that nobody has read."""
    world.model.always(model_server.hang())
    story, other = world.story(), world.story("other")
    await world.send(opened(world, story), story.request())
    await world.seen("EXISTS (SELECT FROM drafts WHERE session_id = $1)", story.session_id)
    async with world.down():
        world.model.always(None)
        await world.send(opened(world, other), fact(other), other.request())
    await world.quiet()


async def lost_twice(world: World) -> None:
    """Work that was lost twice with its process: rules draft it alone, and an upgrade follows."""
    world.model.always(model_server.hang())
    story = world.story()
    await world.send(opened(world, story), story.request())
    for attempts in (1, 2):
        await world.seen(
            "EXISTS (SELECT FROM requests WHERE session_id = $1 AND attempts >= $2 AND leased_until IS NOT NULL)",
            story.session_id,
            attempts,
        )
        async with world.down():
            if attempts == 2:
                world.model.always(None)
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1 AND revision = 2)", story.session_id)
    await world.quiet()


async def ended(world: World) -> None:
    """An end by SIGTERM with calls under way, and the start after it."""
    world.model.always(model_server.Menu(world.model).slow(0.5))
    story, other = world.story(), world.story("other")
    await world.send(opened(world, story), story.request(), opened(world, other))
    await world.seen("EXISTS (SELECT FROM requests WHERE session_id = $1)", story.session_id)
    await world.send(other.request())
    await world.end()
    await world.quiet()


async def cut_off(world: World) -> None:
    """An end by SIGTERM with a call that takes longer than the drain: the work is handed back."""
    world.model.always(model_server.hang())
    story = world.story()
    await world.send(opened(world, story), story.request())
    await world.seen("EXISTS (SELECT FROM drafts WHERE session_id = $1)", story.session_id)
    await world.end()
    world.model.always(None)
    await world.quiet()


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


PROBING: tuple[Act, ...] = (model_away,)
"""How often the model is asked in these is a matter of time."""
DRAFTS_AT_ONCE: Mapping[Act, int] = {refused_by_model: 2}
"""How many drafts a kill may cost, where it is not one: here each model is asked anew."""
LIVE: tuple[Act, ...] = (
    plain,
    late,
    behind,
    repaired,
    rejected,
    flagged,
    at_once,
    asked_to_wait,
    refused_by_model,
    model_away,
    answer_late,
    revised,
    cancelled,
    erased,
    policies,
    sent_again,
    doubted,
    killed_and_back,
    lost_twice,
    ended,
    cut_off,
)
JOBS: tuple[Act, ...] = (secret_late, redriven, purged, replayed, replayed_free, trimmed, rebuilt, restored)
FIRST: tuple[Act, ...] = (first_start, without_key)
"""They need a stage of their own, and start the service."""
ACTS = {act.__name__: act for act in (*LIVE, *JOBS, *FIRST)}


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


async def send_rubbish(world: World, story: Story) -> None:
    """A record that ends as a dead letter."""
    origin = await world.send_raw(world.stage.topics.sessions, story.session_id, b"{ no JSON")
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
