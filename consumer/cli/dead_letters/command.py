"""`dead-letters redrive | purge | jobs | stop`: dead letters again, as jobs."""

import asyncio
import getpass
import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.cli.inspection.narrowing import Ticket
from consumer.cli.options import Json
from consumer.domain.events import SessionKey
from consumer.errors import Permanent
from consumer.flows.viewing.filters import SessionFilter
from consumer.flows.viewing.tickets import TicketName
from schemas.dead_letters import RefusalReason

if TYPE_CHECKING:
    from consumer.flows.redrive.ports import ChosenLetters, LetterAction, LetterJob, LetterPreview
    from consumer.settings import Settings

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show how many and which; do nothing.")]
Reason = Annotated[RefusalReason | None, typer.Option(help="Only those refused for this reason.")]
Topic = Annotated[str | None, typer.Option(help="Only of this topic: the source's full name, with its prefix.")]
Partition = Annotated[int | None, typer.Option(min=0, help="Only of this partition; needs --topic.")]
Offset = Annotated[int | None, typer.Option(min=0, help="Only this record; needs --topic and --partition.")]
Tenant = Annotated[str | None, typer.Option(help="Only of this tenant; of unreadable records no tenant is known.")]
Session = Annotated[str | None, typer.Option(help="Only of this session; an unreadable record's is its key.")]
MOST_SESSIONS = 499
"""Of one ticket, that a job takes up."""
Since = Annotated[datetime | None, typer.Option(help="Only those refused then or later (UTC).")]
Until = Annotated[datetime | None, typer.Option(help="Only those refused before (UTC).")]
First = Annotated[int, typer.Option(min=1, max=500, help="Of so many show what would become of each.")]


def redrive(
    *,
    reason: Reason = None,
    topic: Topic = None,
    partition: Partition = None,
    offset: Offset = None,
    tenant: Tenant = None,
    session: Session = None,
    ticket: Ticket = None,
    since: Since = None,
    until: Until = None,
    first: First = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take refused records in again that are sound by now, after another release or another order of events.

    Shows first how many dead letters the options choose, and what would become of the first of them; then asks.

    Each original is read again from its topic and passes the same gate as any record.
    What is sound is taken, once, and its dead letter leaves the list.
    What is refused again stays the same dead letter, with the new error.
    An original that retention or compaction took away, or whose topic was made anew, is told and stays.

    It is a job: a running service works on it, else this command does.
    After a stop or a kill the same command goes on; nothing is lost and nothing is taken twice.
    `dead-letters jobs` shows who asked for what, and `dead-letters stop` ends a job.
    """
    from consumer.flows.redrive.ports import LetterAction

    chosen = _chosen(reason, topic, partition, offset, tenant, session, ticket, since, until)
    _do(LetterAction.REDRIVE, chosen, first=first, yes=yes, dry_run=dry_run, json_wanted=as_json)


def purge(
    *,
    reason: Reason = None,
    topic: Topic = None,
    partition: Partition = None,
    offset: Offset = None,
    tenant: Tenant = None,
    session: Session = None,
    ticket: Ticket = None,
    since: Since = None,
    until: Until = None,
    first: First = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove dead letters from the store, with their excerpts. The originals stay in their topics.

    Shows first how many dead letters the options choose, and the first of them; then asks.

    Copies on the `.dlq` topics leave by those topics' retention.
    A purged dead letter cannot be redriven, and its record is not refused anew when it is read again.
    After a stop or a kill the same command goes on.
    """
    from consumer.flows.redrive.ports import LetterAction

    chosen = _chosen(reason, topic, partition, offset, tenant, session, ticket, since, until)
    _do(LetterAction.PURGE, chosen, first=first, yes=yes, dry_run=dry_run, json_wanted=as_json)


def list_jobs(
    job_id: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only this job; without it, all.")] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most this many jobs, the newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """Show who has redriven or purged dead letters, when, how many, and what became of them."""
    from consumer.cli.dead_letters import view
    from consumer.settings import read_settings

    async def ask() -> "list[LetterJob]":
        from consumer.wiring.jobs.redrives import open_letter_jobs

        async with open_letter_jobs(read_settings()) as jobs:
            return [await jobs.job(job_id)] if job_id is not None else await jobs.jobs(limit=limit)

    known = asyncio.run(ask())
    if job_id is not None:
        view.show_job(known[0], json_wanted=as_json)
    else:
        view.show_jobs(known, json_wanted=as_json)


def stop_job(
    job_id: Annotated[str, typer.Argument(metavar="JOB", help="The id that `dead-letters jobs` shows.")],
    *,
    as_json: Json = False,
) -> None:
    """End a job for good, after the piece that is under way. What it has done stays done."""
    from consumer.cli.dead_letters import view
    from consumer.flows.redrive.ports import LetterJobState
    from consumer.settings import read_settings

    async def ask() -> "LetterJob":
        from consumer.wiring.jobs.redrives import open_letter_jobs

        async with open_letter_jobs(read_settings()) as jobs:
            return await jobs.stop(job_id, stopped_by=who())

    job = asyncio.run(ask())
    if job.state is LetterJobState.DONE:
        raise Permanent(f"Job {job_id} is done; there is nothing left to stop.")
    view.show_job(job, json_wanted=as_json)


def who() -> str:
    """The user of this process and the machine, for the audit."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def _chosen(
    reason: RefusalReason | None,
    topic: str | None,
    partition: int | None,
    offset: int | None,
    tenant: str | None,
    session: str | None,
    ticket: TicketName | None,
    since: datetime | None,
    until: datetime | None,
) -> "ChosenLetters":
    from consumer.flows.redrive.ports import ChosenLetters

    if (partition is not None and topic is None) or (offset is not None and partition is None):
        raise typer.BadParameter("--partition needs --topic, and --offset needs both.")
    return ChosenLetters(
        reason=reason,
        topic=topic,
        partition=partition,
        offset=offset,
        tenant=tenant,
        session=session,
        ticket=None if ticket is None else ticket.written,
        sessions=None if ticket is None else asyncio.run(_sessions_of(ticket)),
        since=_in_utc(since),
        until=_in_utc(until),
    )


async def _sessions_of(ticket: TicketName) -> tuple[SessionKey, ...]:
    """The sessions that have or had the ticket now: those of the preview are those of the job."""
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_viewing

    async with open_viewing(read_settings()) as views:
        page = await views.sessions(SessionFilter(ticket=ticket), limit=MOST_SESSIONS)
    if page.next_key is not None:
        raise Permanent(f"More than {MOST_SESSIONS} sessions have or had {ticket}: choose by --session.")
    return tuple(sorted(view.key for view in page.rows))


def _in_utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _do(
    action: "LetterAction", chosen: "ChosenLetters", *, first: int, yes: bool, dry_run: bool, json_wanted: bool
) -> None:
    from consumer.cli.dead_letters import following, view
    from consumer.flows.redrive.ports import LetterJobState
    from consumer.settings import read_settings

    if not yes and not dry_run and (json_wanted or not sys.stdin.isatty()):
        raise typer.BadParameter("nobody can be asked here: add --yes to do it, or --dry-run to look only.")
    settings = read_settings()
    with output.waiting("looking"):
        preview, goes_on = asyncio.run(_looked(settings, action, chosen, first))
    if dry_run or not json_wanted:
        view.show_preview(preview, json_wanted=json_wanted)
    if dry_run:
        return
    if not preview.matched and not goes_on:
        if json_wanted:
            view.show_preview(preview, json_wanted=True)
        return
    if not yes and not typer.confirm(f"{action.value.capitalize()} {preview.matched} dead letters?"):
        raise typer.Exit(1)
    job = asyncio.run(following.follow(settings, action, chosen, asked_by=who()))
    view.show_job(job, json_wanted=json_wanted)
    if job.state is not LetterJobState.DONE:
        raise typer.Exit(1)


async def _looked(
    settings: "Settings", action: "LetterAction", chosen: "ChosenLetters", first: int
) -> "tuple[LetterPreview, bool]":
    """The preview, and whether a job of the same choice has been begun and not ended."""
    from consumer.wiring.jobs.redrives import open_letter_jobs

    async with open_letter_jobs(settings) as jobs:
        unended = [job for job in await jobs.jobs(limit=100) if not job.state.has_ended]
        goes_on = any((job.action, job.chosen) == (action, chosen) for job in unended)
        return await jobs.preview(action, chosen, first=first), goes_on
