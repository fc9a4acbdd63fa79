"""`replay plan | diff | apply | status | cancel`."""

import asyncio
import signal
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.errors import Misconfigured, Permanent
from schemas.packages import Cause, PackageStatus

if TYPE_CHECKING:
    from consumer.flows.replay.applying import Limits, ReplayProgress
    from consumer.settings import Settings

replay = typer.Typer(help="Make packages again: plan, compare, apply.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")]
PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="The id that `replay plan` gave.")]
Many = list[str] | None


class ModelSwitch(StrEnum):
    """Whether the model is asked."""

    CONFIGURED = "configured"
    NONE = "none"


ModelOption = Annotated[
    ModelSwitch, typer.Option("--model", help="`none` renders stored drafts again; that costs nothing.")
]


@replay.command("plan")
def plan(
    *,
    tenant: Annotated[
        Many, typer.Option(help="Only this tenant. This option and the next two may be repeated.")
    ] = None,
    session: Annotated[Many, typer.Option(help="Only this session.")] = None,
    request: Annotated[Many, typer.Option(help="Only this request.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only if the last package was made then or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Only if the last package was made before.")] = None,
    status: Annotated[PackageStatus | None, typer.Option(help="Only if the last package has this status.")] = None,
    prompt_version: Annotated[
        str | None, typer.Option(help="Only if the last package has this prompt version.")
    ] = None,
    made_by: Annotated[str | None, typer.Option(help="Only if this model drafted the last package.")] = None,
    cause: Annotated[Cause | None, typer.Option(help="Only if the last package has this cause.")] = None,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="Only if a reader rejected the last package (`feedback list`).")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, max=1_000_000_000, help="At most this many requests.")] = None,
    as_json: Json = False,
) -> None:
    """Find out which packages would change, and what that would cost. Publishes nothing and pays for nothing."""
    from consumer.cli.replay import view
    from consumer.flows.replay.planning import Chosen
    from consumer.settings import read_settings
    from consumer.wiring.jobs import replays

    chosen = Chosen(
        tenants=tuple(tenant or ()),
        sessions=tuple(session or ()),
        requests=tuple(request or ()),
        since=view.in_utc(since),
        until=view.in_utc(until),
        status=status,
        prompt_version=prompt_version,
        model=made_by,
        cause=cause,
        rejected=rejected,
        limit=limit,
    )
    with view.counting("requests looked at") as looked_at:
        planned = asyncio.run(replays.plan_replay(read_settings(), chosen, looked_at=looked_at))
    view.show_plan(planned.replay_id, planned.plan.model, planned.plan.figures, json_wanted=as_json)


@replay.command("diff")
def diff(
    plan_id: PlanArgument,
    *,
    model: ModelOption = ModelSwitch.CONFIGURED,
    request: Annotated[str | None, typer.Option(help="Only this request.")] = None,
    session: Annotated[str | None, typer.Option(help="Only this session.")] = None,
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Show the old and the new text in two columns.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most this many packages.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the sections that would change. Text that only the model can write is marked as such."""
    from consumer.cli.replay import view
    from consumer.settings import read_settings
    from consumer.wiring.jobs import replays

    differences = asyncio.run(
        replays.compare_plan(
            read_settings(),
            plan_id,
            request=request,
            session_id=session,
            limit=limit,
            calls_model=model is ModelSwitch.CONFIGURED,
        )
    )
    view.show_differences(differences, side_by_side=side_by_side, json_wanted=as_json)


@replay.command("apply")
def apply(
    plan_id: PlanArgument,
    *,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish the revisions. Without it drafts are made and kept.")
    ] = False,
    model: ModelOption = ModelSwitch.CONFIGURED,
    rate: Annotated[float | None, typer.Option(min=0.001, help="At most this many requests a minute.")] = None,
    spend_limit: Annotated[
        float | None, typer.Option(min=0, help="In dollars; no request beyond it is taken up.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="How many requests are due at a time.")] = 16,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the model, or for a service with a key, however long.")
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Apply a plan. After a stop or a kill the same command goes on. Nothing is published without --publish.

    Where nothing can be drafted (no key, the model away, a budget or policy against it) it says why and ends with 1.
    """
    from consumer import logs
    from consumer.cli.replay import view
    from consumer.flows.replay.applying import Limits, ReplayState
    from consumer.settings import read_settings
    from consumer.wiring.jobs import replays

    settings = read_settings()
    calls_model = model is ModelSwitch.CONFIGURED
    if not calls_model and not publish:
        raise typer.BadParameter("without the model there is nothing to draft: --model none needs --publish.")
    if dry_run:
        progress = asyncio.run(replays.foretell(settings, plan_id, calls_model=calls_model, publishes=publish))
        view.show_foretold(plan_id, progress, publishes=publish, json_wanted=as_json)
        return
    logs.configure("ERROR")
    limits = Limits(at_once=at_once, per_minute=rate, spend_usd=spend_limit)
    progress = asyncio.run(
        _apply(settings, plan_id, calls_model=calls_model, publishes=publish, limits=limits, waits=wait)
    )
    view.show_progress(plan_id, progress, json_wanted=as_json)
    if progress.state is not ReplayState.DONE or progress.stands is not None:
        raise typer.Exit(1)


async def _apply(
    settings: "Settings", plan_id: str, *, calls_model: bool, publishes: bool, limits: "Limits", waits: bool
) -> "ReplayProgress":
    from consumer.cli.replay import view
    from consumer.wiring.jobs import replays

    ((row, _),) = await replays.replay_progress(settings, plan_id, limit=1)
    if limits.spend_usd is not None and calls_model and row["price"] is None:
        raise Misconfigured(f"The price of {row['model']} is not known, so that --spend-limit cannot be kept.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    with view.bar(plan_id) as tell:
        return await replays.apply_replay(
            settings,
            plan_id,
            calls_model=calls_model,
            publishes=publishes,
            limits=limits,
            waits=waits,
            stop=stop,
            tell=tell,
        )


@replay.command("status")
def status(
    plan_id: Annotated[
        str | None, typer.Argument(metavar="[PLAN]", help="Only this plan; without it, all plans.")
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most this many plans, the newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """Show how far replays have come."""
    from consumer.cli.replay import view
    from consumer.settings import read_settings
    from consumer.wiring.jobs import replays

    rows = asyncio.run(replays.replay_progress(read_settings(), plan_id, limit=limit))
    view.show_status(rows, detailed=plan_id is not None, json_wanted=as_json)


@replay.command("cancel")
def cancel(plan_id: PlanArgument, *, dry_run: DryRun = False, as_json: Json = False) -> None:
    """End a replay for good. Drafts under way are finished, and published packages stay."""
    from consumer.cli.replay import view
    from consumer.flows.replay.applying import ReplayState
    from consumer.settings import read_settings
    from consumer.wiring.jobs import replays

    progress = asyncio.run(replays.cancel_replay(read_settings(), plan_id, dry_run=dry_run))
    if progress.state is ReplayState.DONE:
        raise Permanent(f"Replay {plan_id} is done; there is nothing left to cancel.")
    view.show_progress(plan_id, progress, json_wanted=as_json)
