"""`request`: lists requests, and tells the story of one."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli import output
from consumer.cli.inspection.narrowing import After, Session, Since, Ticket, Until, flat, list_page, only_one
from consumer.cli.inspection.show import Json, Limit, Tenant
from consumer.domain.events import TopicPartition
from consumer.domain.request.lifecycle import RequestState
from consumer.errors import Transient
from consumer.flows.viewing.filters import DeadLetterFilter, RequestFilter, RequestOrder
from consumer.flows.viewing.pages import RowPage
from schemas.packages import Cause, PackageStatus
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.flows.intake.ports import OpenTransaction
    from consumer.flows.viewing.dead_letters import DeadLetterView
    from consumer.flows.viewing.ports import Viewing
    from consumer.flows.viewing.requests import RequestView
    from consumer.flows.viewing.story import RefusedRequest, RequestStory, StoryEntry

requests = typer.Typer(help="Look at requests.", no_args_is_help=True)

_COLUMNS = (
    "tenant_id", "session_id", "request_id", "ticket", "state", "revision", "status", "cause", "stored_at",
    "deadline_at", "failure",
)  # fmt: skip


@requests.command("list")
def list_requests(
    *,
    tenant: Tenant = None,
    session: Session = None,
    ticket: Ticket = None,
    state: Annotated[RequestState | None, typer.Option(help="Only this state.")] = None,
    status: Annotated[PackageStatus | None, typer.Option(help="Only with this status of the last package.")] = None,
    cause: Annotated[Cause | None, typer.Option(help="Only with this cause of the last package.")] = None,
    id_text: Annotated[
        str | None, typer.Option("--id", metavar="TEXT", help="The beginning of a request's or a session's id.")
    ] = None,
    since: Since = None,
    until: Until = None,
    order: Annotated[RequestOrder, typer.Option(help="How to sort.")] = RequestOrder.NEWEST,
    limit: Limit = 50,
    after: After = None,
    as_json: Json = False,
) -> None:
    """List requests, and what was refused at the door of a session or a ticket that is asked for."""
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_viewing

    wanted = RequestFilter(
        tenant=tenant, session=session, ticket=ticket, state=state, status=status, cause=cause, id_text=id_text,
        since=since, until=until,
    )  # fmt: skip

    async def read() -> "tuple[RowPage[RequestView], tuple[DeadLetterView, ...], Sequence[OpenTransaction]]":
        async with open_viewing(read_settings()) as views:
            page = await views.requests(wanted, order=order, after=after, limit=limit)
            return page, await _refused(views, wanted), await _holders(page.rows)

    page, refused, holders = asyncio.run(read())
    if as_json:
        output.as_json([*(_row(view, holders) for view in page.rows), *(_refused_row(letter) for letter in refused)])
        return
    list_page(page, wanted, noun="request", empty="No request has arrived yet.", columns=_COLUMNS, as_json=False)
    for view in page.rows:
        if view.waits_for is not None and len(page.rows) <= _FEW:
            output.say(f"\n{view.key.request_id}: {view.waits_for}")
    _say_why_rules(page.rows)
    for holder in holders:
        output.say(f"\n! {holder}")
    if refused:
        output.heading("Refused at the door")
        for letter in refused:
            output.say(f"  {letter.request_id or 'a record'}: {letter.sentence}")


_FEW = 5
"""Of so few requests it is also told what they wait for."""


def _say_why_rules(views: "Sequence[RequestView]") -> None:
    """Each reason once, with the requests whose last package rules drafted for it."""
    by_reason: dict[str, list[str]] = {}
    for view in views:
        if (why := view.by_rules_because) is not None:
            by_reason.setdefault(why, []).append(view.key.request_id)
    for why, names in by_reason.items():
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        output.say(f"\n{', '.join(names[:_FEW])}{more}: {why}")


async def _holders(views: "Sequence[RequestView]") -> "Sequence[OpenTransaction]":
    """Who holds transactions open in the partitions that these requests wait for. Kafka is asked only where any waits.

    Without an answer within a few seconds nobody is named: the tables tell the rest.
    """
    awaited = _awaited(views)
    if not awaited:
        return ()
    from consumer.settings import read_settings
    from consumer.wiring.topics import transactions_in

    try:
        return await transactions_in(read_settings(), awaited)
    except Transient:
        return ()


def _awaited(views: "Sequence[RequestView]") -> frozenset[TopicPartition]:
    """The partitions whose records these requests wait for.

    One whose clock runs waits for its session's events: they have its key, and so its partition's number.
    """
    from consumer.settings import read_settings

    places = (place.rpartition("/") for view in views for place, _ in view.backlog)
    sessions = Topics(read_settings().topic_prefix).sessions
    return frozenset(TopicPartition(topic, int(number)) for topic, _, number in places) | {
        TopicPartition(sessions, view.origin.partition)
        for view in views
        if view.state is RequestState.OPEN
        and view.origin is not None
        and (view.newest_version is None or view.newest_version < (view.requested_version or 0))
    }


def _row(view: "RequestView", holders: "Sequence[OpenTransaction]") -> dict[str, Any]:
    awaited = _awaited([view])
    mine = [flat(holder) for holder in holders if holder.partition in awaited]
    return {**flat(view), "by_rules_because": view.by_rules_because, "open_transactions": mine}


def _refused_row(letter: "DeadLetterView") -> dict[str, Any]:
    """A record that was refused at the door, beside the requests: its state says so."""
    return {**flat(letter), "state": "refused", "sentence": letter.sentence}


async def _refused(views: "Viewing", wanted: RequestFilter) -> "tuple[DeadLetterView, ...]":
    if wanted.session is None and wanted.ticket is None:
        return ()
    letters = DeadLetterFilter(
        tenant=wanted.tenant, session=wanted.session, ticket=wanted.ticket, since=wanted.since, until=wanted.until
    )
    return (await views.dead_letters(letters)).rows


@requests.command("show")
def show_request(
    request_id: Annotated[str, typer.Argument(help="The request's id, or its beginning.")],
    *,
    tenant: Tenant = None,
    session: Session = None,
    as_json: Json = False,
) -> None:
    """Tell the story of a request: what arrived, what it waits for, calls, packages, feedback."""
    from consumer.flows.viewing.timeline import refusal_entry

    stories, refused, holders = asyncio.run(_stories(request_id, tenant, session))
    if as_json:
        rows = [_as_row(story, holders) for story in stories]
        output.as_json(rows if refused is None else [{**flat(refused), "state": "refused"}])
        return
    if refused is not None:
        output.heading(f"{refused.request_id} was refused at the door; nothing of it is stored but this:")
        for letter in refused.dead_letters:
            _say_entry(refusal_entry(letter))
    for story in stories:
        _say(story)
    for holder in holders:
        output.say(f"  {'now':<20}  ! {holder}")


async def _stories(
    beginning: str, tenant: str | None, session: str | None
) -> "tuple[list[RequestStory], RefusedRequest | None, Sequence[OpenTransaction]]":
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_viewing

    async with open_viewing(read_settings()) as views:
        keys = await views.request_keys(beginning, tenant=tenant, session=session)
        if not keys and (refused := await views.refused_request(beginning, tenant=tenant)) is not None:
            return [], refused, ()
        if not all(key.request_id == beginning for key in keys):  # else several sessions have a request of that id
            keys = (only_one(beginning, keys, noun="request", named="/".join),)
        if not keys:
            only_one(beginning, keys, noun="request")
        stories = [story for key in keys if (story := await views.request_story(key)) is not None]
        return stories, None, await _holders([story.request for story in stories])


def _say(story: "RequestStory") -> None:
    request = story.request
    output.heading("/".join(request.key))
    output.fields(
        {
            "ticket": request.ticket,
            "state": request.state.value,
            "asks for version": request.requested_version,
            "newest version": request.newest_version,
            "deadline": request.deadline_at,
            "last package": request.package_id,
            "why by rules": request.by_rules_because,
            "cost": f"${story.usd:.4f} in {len(story.calls)} calls" if story.calls else None,
            "reason": request.reason,
        }
    )
    output.heading("Story")
    for entry in story.entries:
        _say_entry(entry)


def _say_entry(entry: "StoryEntry") -> None:
    at = entry.at.strftime("%Y-%m-%d %H:%M:%SZ") if entry.at is not None else "now"
    output.say(f"  {at:<20}  {'! ' if entry.attention else '  '}{entry.text}")


def _as_row(story: "RequestStory", holders: "Sequence[OpenTransaction]") -> dict[str, Any]:
    whole = replace(story, entries=())
    parts = {
        name: [flat(row) for row in getattr(whole, name)]
        for name in ("newest_events", "calls", "ledger", "revisions", "waiting_events", "feedback", "dead_letters")
    }
    return {**_row(story.request, holders), **parts, "story": [flat(entry) for entry in story.entries]}
