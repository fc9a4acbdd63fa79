"""A replay is applied: preview, do, stop, cancel. *Replay* is the page to watch it on."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from consumer.adapters.http.console.links import replay_url
from consumer.adapters.http.console.pages import fields
from consumer.adapters.http.console.pages.jobs.asking import need_sign_in, refusing
from consumer.adapters.http.console.visit import Visit, go_to
from consumer.flows.replay.applying import Limits
from consumer.flows.replay.desk import MOST_AT_ONCE

_USUAL_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTask:
    """How a replay is to be applied, as the form says."""

    replay_id: str
    calls_model: bool
    publishes: bool
    limits: Limits


def asked_task(form: Mapping[str, str]) -> ReplayTask:
    """Raises HTTPBadRequest, naming the field."""
    replay_id = fields.text(form, "id")
    if replay_id is None:
        raise web.HTTPBadRequest(text="`id` is missing.")
    at_once = fields.figure(form, "at_once", least=1, most=MOST_AT_ONCE)
    return ReplayTask(
        replay_id=replay_id,
        calls_model=form.get("model") != "none",
        publishes=form.get("publish") == "yes",
        limits=Limits(
            at_once=_USUAL_AT_ONCE if at_once is None else int(at_once),
            per_minute=fields.figure(form, "rate", least=0.001, most=100_000),
            spend_usd=fields.figure(form, "spend_limit", least=0, most=1_000_000),
        ),
    )


async def preview_apply(visit: Visit) -> web.Response:
    """What applying it in this way would do, and cost; changes nothing."""
    need_sign_in(visit)
    task = asked_task(visit.query)
    desk = visit.readers.replays
    with refusing():
        replay = await desk.replay(task.replay_id)
        progress = await desk.foretell(task.replay_id, calls_model=task.calls_model, publishes=task.publishes)
    left = progress.planned + progress.released + (progress.drafted if task.publishes else 0)
    return visit.page(
        "replay_preview.html", task=task, replay=replay, figures=replay.figures, progress=progress, left=left
    )


async def begin_replay(visit: Visit) -> web.StreamResponse:
    task = asked_task(await visit.form())
    visit.acted(
        "apply a replay",
        replay_id=task.replay_id,
        calls_model=task.calls_model,
        publishes=task.publishes,
        spend_limit_usd=task.limits.spend_usd,
        per_minute=task.limits.per_minute,
        at_once=task.limits.at_once,
    )
    with refusing():
        await visit.readers.replays.apply(
            task.replay_id, calls_model=task.calls_model, publishes=task.publishes, limits=task.limits
        )
    return go_to(replay_url(task.replay_id))


async def stop_replay(visit: Visit) -> web.StreamResponse:
    """It can be applied again, and goes on."""
    task = asked_task(await visit.form())
    visit.acted("stop a replay", replay_id=task.replay_id)
    with refusing():
        await visit.readers.replays.stop(task.replay_id)
    return go_to(replay_url(task.replay_id))


async def end_replay(visit: Visit) -> web.StreamResponse:
    """For good."""
    task = asked_task(await visit.form())
    visit.acted("cancel a replay", replay_id=task.replay_id)
    with refusing():
        await visit.readers.replays.cancel(task.replay_id)
    return go_to(replay_url(task.replay_id))
