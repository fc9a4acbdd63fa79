"""Acts of the service alone, and how it starts. Each leaves what the oracle expects."""

import asyncio

from schemas.topics import REPLAY_SUFFIX
from tests.support import model_server
from tests.support.killing.records import fact, feedback, nonsense, opened, policy, send_rubbish
from tests.support.killing.world import World


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
    await world.send(opened(world, story), story.request(state_version=9, deadline_seconds=12))
    await world.send(unknown.request(deadline_seconds=12))
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
    await world.seen("EXISTS (SELECT FROM packages WHERE session_id = $1 AND revision = 2)", story.session_id)
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
