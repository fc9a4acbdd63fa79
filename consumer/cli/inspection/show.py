"""`session` and `bundle`: show what the service knows of a session, and the records that a draft may rest on."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import options, output
from consumer.cli.inspection.narrowing import After, Since, Ticket, Until, flat, list_page, only_one
from consumer.domain.events import SessionKey
from consumer.errors import Permanent
from consumer.flows.viewing.filters import SessionCondition, SessionFilter
from consumer.flows.viewing.pages import RowPage
from schemas.tenants import DEFAULT_LANGUAGE

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.store_reader import StoreReader
    from consumer.domain.session.session import Session
    from consumer.flows.viewing.ports import Viewing
    from consumer.flows.viewing.sessions import SessionStory, SessionView

Json = options.Json
Tenant = options.Tenant
Limit = options.Limit
SessionArgument = Annotated[str, typer.Argument(metavar="SESSION", help="A session id, or TENANT/SESSION.")]

sessions = typer.Typer(help="Look at sessions.", no_args_is_help=True)


@sessions.command("list")
def list_sessions(
    *,
    tenant: Tenant = None,
    ticket: Ticket = None,
    condition: Annotated[SessionCondition | None, typer.Option(help="Only with this left of them.")] = None,
    id_text: Annotated[str | None, typer.Option("--id", metavar="TEXT", help="The beginning of an id.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    after: After = None,
    as_json: Json = False,
) -> None:
    """List sessions, the most recently changed first."""
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_viewing

    wanted = SessionFilter(tenant=tenant, ticket=ticket, condition=condition, id_text=id_text, since=since, until=until)

    async def read() -> "RowPage[SessionView]":
        async with open_viewing(read_settings()) as views:
            return await views.sessions(wanted, after=after, limit=limit)

    list_page(
        asyncio.run(read()),
        wanted,
        noun="session",
        empty="No session has been heard of yet.",
        columns=("tenant_id", "session_id", "newest_version", "event_count", "requests", "condition", "changed_at"),
        as_json=as_json,
    )


@sessions.command("show")
def show_session(
    name: SessionArgument,
    *,
    tenant: Tenant = None,
    events: Annotated[bool, typer.Option("--events", help="Also list its events.")] = False,
    as_json: Json = False,
) -> None:
    """Show the newest state of a session, with its tickets, requests, packages and refused records."""
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_viewing

    async def read() -> "SessionStory | None":
        async with open_viewing(read_settings()) as views:
            return await views.session_story(await _session_key(views, name, tenant))

    story = asyncio.run(read())
    if story is None:
        raise Permanent(f"No session {name} is known. `escalation-consumer session list` shows those that are.")
    if as_json:
        names = ("moves", "requests", "packages", "dead_letters")
        parts = {part: [flat(row) for row in getattr(story, part)] for part in names}
        output.as_json({"session": _plain(story.state), "tickets": story.tickets, **parts})
        return
    _say_session(story.state)
    for move in story.moves:
        output.say(f"{'moved':>10}  {move.sentence}")
    if not story.moves and len(story.tickets) > 1:  # their events are gone
        output.say(f"{'moved':>10}  from {', then '.join(story.tickets[:-1])} to {story.tickets[-1]}")
    if events:
        output.heading("Events")
        rows = [
            {"version": event.version, "occurred_at": event.occurred_at, "type": event.type, "id": event.event_id}
            for event in story.events
        ]
        output.table(rows, columns=("version", "occurred_at", "type", "id"), empty="None.")
    output.heading("Requests")
    output.table(
        [flat(request) for request in story.requests],
        columns=("request_id", "state", "revision", "stored_at", "waits_for", "failure"),
        empty="None.",
    )
    output.heading("Packages")
    output.table(
        [flat(package) for package in story.packages],
        columns=("package_id", "request_id", "revision", "status", "cause", "ticket", "created_at"),
        empty="None.",
    )
    if story.dead_letters:
        output.heading("Refused at the door")
    for letter in story.dead_letters:
        output.say(f"  {letter.sentence}")


async def _session_key(views: "Viewing", name: str, tenant: str | None) -> SessionKey:
    """The session that `name` gives: an id, its beginning, or TENANT/SESSION. Raises Permanent as `only_one` does."""
    keys = await views.session_keys(name, tenant=tenant)
    if not keys and tenant is None and "/" in name:
        tenant, _, name = name.partition("/")
        keys = await views.session_keys(name, tenant=tenant)
    if len(keys) > 1 and all(key.session_id == name for key in keys):
        tenants = ", ".join(sorted(key.tenant_id for key in keys))
        raise Permanent(f"Several tenants have a session {name}: {tenants}. Choose one with --tenant.")
    key: SessionKey = only_one(name, keys, noun="session", named="/".join)
    return key


def show_bundle(
    name: SessionArgument,
    *,
    tenant: Tenant = None,
    reason: Annotated[str | None, typer.Option(help="The request's reason, which belongs to the bundle.")] = None,
    as_json: Json = False,
) -> None:
    """Show the bundle of a session's newest state: the records that a draft may rest on, and their digest."""
    from consumer.domain.bundle import bundle as bundles
    from consumer.domain.language.languages import language_of
    from consumer.domain.session.session import fold
    from consumer.settings import read_settings
    from consumer.wiring.database import open_reader
    from consumer.wiring.tables import open_tenants

    async def read() -> "tuple[Session, str]":
        settings = read_settings()
        async with open_reader(settings) as look, open_tenants(settings) as tenants:
            key = await find_session(look, name, tenant)
            policies = await tenants.policies(key.tenant_id)
            return fold(key, await look.events(key)), str(policies[0]["language"]) if policies else DEFAULT_LANGUAGE

    session, language = asyncio.run(read())
    if session.version is None:
        raise Permanent(f"Session {name} has no event, so it has no bundle.")
    bundle = bundles.build(session, reason=reason, language=language_of(language))
    records = json.loads(bundle.canonical)
    if as_json:
        output.as_json({"sha256": bundle.sha256, "state_version": bundle.state_version, "records": records})
        return
    output.say(f"{bundle.sha256}  version {bundle.state_version}, {bundle.event_count} events")
    output.say(f"{bundle.redactions} secrets removed{'; shortened for the prompt' if bundle.truncated else ''}")
    output.as_json(records)


async def find_session(look: "StoreReader", name: str, tenant: str | None) -> SessionKey:
    """Returns the session that `name` gives, a session id or TENANT/SESSION.

    Raises Permanent when there is none, or when several tenants have one.
    """
    rows = await look.sessions(tenant=tenant, session=name)
    if not rows and tenant is None and "/" in name:
        tenant, _, session = name.partition("/")
        rows = await look.sessions(tenant=tenant, session=session)
    if not rows:
        raise Permanent(f"No session {name} is known. `escalation-consumer session list` shows those that are.")
    if len(rows) > 1:
        tenants = ", ".join(sorted(str(row["tenant_id"]) for row in rows))
        raise Permanent(f"Several tenants have a session {name}: {tenants}. Choose one with --tenant.")
    return SessionKey(str(rows[0]["tenant_id"]), str(rows[0]["session_id"]))


def _say_session(session: "Session") -> None:
    output.heading(f"{session.key.tenant_id}/{session.key.session_id}")
    ticket = session.psa_ticket
    for label, value in (
        ("version", f"{session.version} ({session.event_count} events)"),
        ("title", session.title),
        ("domain", session.problem_domain),
        ("summary", session.problem_summary),
        ("ticket", f"{ticket.system} #{ticket.ticket_id}" if ticket else None),
        ("state", "erased" if session.erased else "closed" if session.closed else "open"),
        ("resolution", session.resolution),
    ):
        if value:
            output.say(f"{label:>10}  {value}")
    _say_list("Facts", [f"{fact.text} ({fact.source_type})" for fact in session.live_facts])
    _say_list(
        "Scripts", [script.template.name if script.template else "(unknown template)" for script in session.scripts]
    )
    active = session.active_fix
    _say_list(
        "Fixes",
        [f"{fix.title}: {fix.status}{' (active)' if fix is active else ''}" for fix in session.fixes],
    )


def _say_list(title: str, lines: Sequence[str]) -> None:
    output.heading(title)
    for line in lines or ["None."]:
        output.say(f"  {line}")


def _plain(session: "Session") -> dict[str, object]:
    return {**asdict(session), "key": session.key._asdict()}
