"""`replay plan | diff | apply | status | cancel`."""

import asyncio
import signal
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from consumer.cli.replay import view
from consumer.errors import Misconfigured, Permanent
from consumer.flows.replay.applying import Limits, ReplayProgress, ReplayState
from consumer.flows.replay.planning import Chosen
from consumer.settings import Settings, read_settings
from schemas.packages import Cause, PackageStatus

replay = typer.Typer(help="Make packages again: plan, compare, apply.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="The id that `replay plan` gave.")]
Many = list[str] | None


class ModelChoice(StrEnum):
    """Whether the model is asked."""

    CONFIGURED = "configured"
    NONE = "none"


ModelOption = Annotated[ModelChoice, typer.Option("--model", help="`none` makes texts of stored drafts, for free.")]


@replay.command("plan")
def plan(
    *,
    tenant: Annotated[Many, typer.Option(help="Only of this tenant; may be repeated, as the next two.")] = None,
    session: Annotated[Many, typer.Option(help="Only of this session.")] = None,
    request: Annotated[Many, typer.Option(help="Only this request.")] = None,
    since: Annotated[datetime | None, typer.Option(help="The last package was made then or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="The last package was made before.")] = None,
    status: Annotated[PackageStatus | None, typer.Option(help="Of the last package.")] = None,
    prompt_version: Annotated[str | None, typer.Option(help="Of the last package.")] = None,
    made_by: Annotated[str | None, typer.Option(help="The model that drafted the last package.")] = None,
    cause: Annotated[Cause | None, typer.Option(help="Of the last package.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many requests.")] = None,
    as_json: Json = False,
) -> None:
    """Find out which packages would change, and what it would cost. Publishes and pays nothing."""
    from consumer.wiring import replays

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
        limit=limit,
    )
    with view.counting("requests looked at") as looked_at:
        planned = asyncio.run(replays.plan_replay(read_settings(), chosen, looked_at=looked_at))
    view.show_plan(planned.replay_id, planned.plan.model, planned.plan.figures, json_wanted=as_json)


@replay.command("diff")
def diff(
    plan_id: PlanArgument,
    *,
    model: ModelOption = ModelChoice.CONFIGURED,
    request: Annotated[str | None, typer.Option(help="Only this request.")] = None,
    session: Annotated[str | None, typer.Option(help="Only of this session.")] = None,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="In two columns.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many packages.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the sections that would change. What only the model can tell is said to be so."""
    from consumer.wiring import replays

    found = asyncio.run(
        replays.compare_plan(
            read_settings(),
            plan_id,
            request=request,
            session_id=session,
            limit=limit,
            calls_model=model is ModelChoice.CONFIGURED,
        )
    )
    view.show_differences(found, side_by_side=side_by_side, json_wanted=as_json)


@replay.command("apply")
def apply(
    plan_id: PlanArgument,
    *,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish the revisions; else drafts are made and kept.")
    ] = False,
    model: ModelOption = ModelChoice.CONFIGURED,
    rate: Annotated[float | None, typer.Option(min=0.001, help="At most so many requests a minute.")] = None,
    spend_limit: Annotated[float | None, typer.Option(min=0, help="Dollars; beyond it no request is taken up.")] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Requests that are due at a time.")] = 16,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Apply a plan. Stopped or killed, the same command goes on where it was. Nothing leaves without --publish."""
    from consumer import logs
    from consumer.wiring import replays

    settings = read_settings()
    calls_model = model is ModelChoice.CONFIGURED
    if not calls_model and not publish:
        raise typer.BadParameter("without the model there is nothing to draft: --model none needs --publish.")
    if dry_run:
        progress = asyncio.run(replays.foretell(settings, plan_id, calls_model=calls_model, publishes=publish))
        view.show_foretold(plan_id, progress, publishes=publish, json_wanted=as_json)
        return
    logs.configure("ERROR")
    limits = Limits(at_once=at_once, per_minute=rate, spend_usd=spend_limit)
    progress = asyncio.run(_apply(settings, plan_id, calls_model=calls_model, publishes=publish, limits=limits))
    view.show_progress(plan_id, progress, json_wanted=as_json)
    if progress.state is not ReplayState.DONE:
        raise typer.Exit(1)


async def _apply(
    settings: Settings, plan_id: str, *, calls_model: bool, publishes: bool, limits: Limits
) -> ReplayProgress:
    from consumer.wiring import replays

    ((row, _),) = await replays.replay_progress(settings, plan_id, limit=1)
    if limits.spend_usd is not None and calls_model and row["price"] is None:
        raise Misconfigured(f"The price of {row['model']} is not known, so that --spend-limit cannot be kept.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    with view.bar(plan_id) as tell:
        return await replays.apply_replay(
            settings, plan_id, calls_model=calls_model, publishes=publishes, limits=limits, stop=stop, tell=tell
        )


@replay.command("status")
def status(
    plan_id: Annotated[str | None, typer.Argument(metavar="[PLAN]", help="One plan; all of them without.")] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """Show how far replays have come."""
    from consumer.wiring import replays

    found = asyncio.run(replays.replay_progress(read_settings(), plan_id, limit=limit))
    view.show_status(found, one=plan_id is not None, json_wanted=as_json)


@replay.command("cancel")
def cancel(plan_id: PlanArgument, *, dry_run: DryRun = False, as_json: Json = False) -> None:
    """End a replay for good. What is being drafted just now is finished; what was published stays."""
    from consumer.wiring import replays

    progress = asyncio.run(replays.cancel_replay(read_settings(), plan_id, dry_run=dry_run))
    if progress.state is ReplayState.DONE:
        raise Permanent(f"Replay {plan_id} is done; there is nothing left to cancel.")
    view.show_progress(plan_id, progress, json_wanted=as_json)
