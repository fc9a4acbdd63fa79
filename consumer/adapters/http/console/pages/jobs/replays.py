"""*Replays*: the plans, a new plan, and what one would change."""

from dataclasses import asdict, dataclass

from aiohttp import web

from consumer.adapters.http.console.links import replay_url
from consumer.adapters.http.console.pages import fields
from consumer.adapters.http.console.pages.jobs.asking import refusing, reloading
from consumer.adapters.http.console.visit import Visit, go_to
from consumer.domain.replay.comparison import Change
from consumer.domain.text.marks import MarkedLine, compare_lines
from consumer.domain.writing.sections import BULLET
from consumer.flows.replay.applying import ReplayState
from consumer.flows.replay.desk import MOST_PLANNED
from consumer.flows.replay.planning import Chosen
from schemas.packages import Cause, PackageStatus

_ROWS = 50
_COMPARED = 10
_USUAL_PLAN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSection:
    """A section that a replay would change; None where only the model can say how."""

    heading: str
    lines: tuple[MarkedLine, ...] | None


async def show_replays(visit: Visit) -> web.Response:
    return visit.page(
        "replays.html",
        replays=await visit.readers.replays.replays(limit=_ROWS),
        statuses=[status.value for status in PackageStatus],
        causes=[cause.value for cause in Cause],
        most_planned=MOST_PLANNED,
        usual_plan=_USUAL_PLAN,
    )


async def make_plan(visit: Visit) -> web.StreamResponse:
    """Weighs the chosen requests, stores the plan and shows it. It publishes nothing and pays for nothing."""
    form = await visit.form()
    limit = fields.figure(form, "limit", least=1, most=MOST_PLANNED)
    chosen = Chosen(
        tenants=_alone(fields.text(form, "tenant")),
        sessions=_alone(fields.text(form, "session")),
        requests=_alone(fields.text(form, "request")),
        since=fields.time_field(form, "since"),
        until=fields.time_field(form, "until"),
        status=fields.word(form, "status", PackageStatus),
        prompt_version=fields.text(form, "prompt_version"),
        model=fields.text(form, "model"),
        cause=fields.word(form, "cause", Cause),
        rejected=form.get("rejected") == "yes",
        limit=_USUAL_PLAN if limit is None else int(limit),
    )
    visit.acted("plan a replay", chosen={name: str(value) for name, value in asdict(chosen).items() if value})
    with refusing():
        replay_id = await visit.readers.replays.plan(chosen)
    return go_to(replay_url(replay_id))


async def show_replay(visit: Visit) -> web.Response:
    """`model=none` compares with what stored drafts give without asking the model."""
    replay_id = visit.needed("id")
    desk = visit.readers.replays
    try:
        with refusing():
            replay, progress = await desk.replay(replay_id), await desk.progress(replay_id)
    except web.HTTPConflict as error:
        raise web.HTTPNotFound(text=error.text) from None
    calls_model = visit.asked("model") != "none"
    stands = replay.state in (ReplayState.PLANNED, ReplayState.PAUSED)
    differences = await desk.differences(replay_id, limit=_COMPARED, calls_model=calls_model) if stands else []
    applying = replay.state is ReplayState.APPLYING
    answer = visit.page(
        "replay.html",
        hindrance=await desk.hindrance(replay_id) if applying and replay.calls_model else None,
        replay=replay,
        progress=progress,
        figures=replay.figures,
        here=desk.is_applied_here(replay_id),
        has_model=desk.has_model,
        calls_model=calls_model,
        differences=[(difference, [_marked(change) for change in difference.changes]) for difference in differences],
        compared=_COMPARED,
    )
    return reloading(answer, goes_on=applying)


def _alone(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _marked(change: Change) -> ChangedSection:
    if change.after is None:
        return ChangedSection(heading=change.heading, lines=None)
    return ChangedSection(heading=change.heading, lines=compare_lines(_bullets(change.before), _bullets(change.after)))


def _bullets(body: str) -> list[str]:
    return [line.removeprefix(BULLET) for line in body.splitlines() if line]
