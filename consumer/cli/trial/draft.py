"""`draft`: shows what the service would write about a session, with the verdict of every check. Publishes nothing."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.cli.inspection.show import Json, Tenant, find_session
from consumer.cli.trial import trials
from consumer.cli.trial.trials import ANSWERS, Answers, ByRules, DryRun, Fresh, Subject, Yes
from consumer.domain.events import SessionKey
from consumer.errors import Permanent

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.store_reader import StoreReader
    from consumer.domain.session.recordings import Recording
    from consumer.flows.drafting.trial import Trial
    from consumer.settings import Settings


def draft(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FILE|SESSION",
            help="A file of JSON lines, as `load` takes them or bare events; else a stored session.",
        ),
    ],
    *,
    session: Annotated[str | None, typer.Option(help="This session of a file that holds several.")] = None,
    tenant: Tenant = None,
    reason: Annotated[
        str | None, typer.Option(help="Why the session is escalated; without it, the reason of its last request.")
    ] = None,
    by_rules: ByRules = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    answers: Answers = ANSWERS,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Draft from a stored session or a file of events, and show text, bundle, checks and price. Publishes nothing."""
    from consumer.settings import read_settings

    settings = read_settings()
    path = Path(name)
    if path.is_file():
        sessions, redactor = trials.read_sessions(path, settings)
        key = _chosen(name, sessions, session, tenant)
        subject = trials.subject(key.session_id, sessions[key], redactor, reason=reason)
    elif path.suffix == ".jsonl":
        raise Permanent(f"{path}: there is no such file.")
    else:
        subject = asyncio.run(_stored(name, tenant, reason, settings))
    asyncio.run(
        _draft(
            subject,
            settings,
            by_rules=by_rules,
            dry_run=dry_run,
            yes=yes,
            answers=answers,
            fresh=fresh,
            as_json=as_json,
        )
    )


def _chosen(name: str, sessions: "dict[SessionKey, Recording]", session: str | None, tenant: str | None) -> SessionKey:
    wanted = [
        key
        for key in sessions
        if (session is None or key.session_id == session) and (tenant is None or key.tenant_id == tenant)
    ]
    if len(wanted) == 1:
        return wanted[0]
    known = ", ".join(f"{key.tenant_id}/{key.session_id}" for key in (wanted or sessions))
    problem = "several sessions" if wanted else "no such session"
    raise Permanent(f"{name} holds {problem}: choose one with --session and --tenant of {known}.")


async def _stored(name: str, tenant: str | None, reason: str | None, settings: "Settings") -> Subject:
    from consumer.domain.session.recordings import Recording
    from consumer.domain.session.session import fold
    from consumer.wiring.database import open_reader, open_redactor

    async with open_reader(settings) as look:
        key = await find_session(look, name, tenant)
        recording = Recording(session=fold(key, await look.events(key)), reason=await _last_reason(look, key))
        redactor = await open_redactor(settings, look)
    return trials.subject(key.session_id, recording, redactor, reason=reason)


async def _last_reason(look: "StoreReader", key: SessionKey) -> str | None:
    rows = await look.requests(tenant=key.tenant_id, session=key.session_id, limit=1)
    return str(rows[0]["reason"]) if rows and rows[0]["reason"] is not None else None


async def _draft(
    subject: Subject,
    settings: "Settings",
    *,
    by_rules: bool,
    dry_run: bool,
    yes: bool,
    answers: Path,
    fresh: bool,
    as_json: bool,
) -> None:
    from consumer.flows.drafting import trial
    from consumer.wiring.jobs.trials import journaled_drafter

    if not trials.asks_model(settings, by_rules=by_rules):
        if dry_run:
            trials.say_plan(trials.plan_of_rules([subject]), as_json=as_json)
        else:
            _show(subject, trial.try_rules(subject.bundle, subject.scan), as_json=as_json)
        return
    async with journaled_drafter(settings, answers, fresh=fresh) as journaled:
        planned = trials.price_plan([subject], trials.unanswered([subject], journaled), settings)
        if dry_run:
            trials.say_plan(planned, as_json=as_json)
            return
        trials.agree(planned, yes=yes)
        with output.waiting(f"{settings.model} is asked"):
            tried = await journaled.drafter.try_out(subject.bundle, subject.scan)
    _show(subject, tried, as_json=as_json)


def _show(subject: Subject, tried: "Trial", *, as_json: bool) -> None:
    from consumer.cli.trial import verdict_tables
    from consumer.domain.reader import versions

    records = json.loads(subject.bundle.canonical)
    if as_json:
        texts = {"title": tried.rendered.title, "markdown": tried.rendered.markdown}
        outcome = {"session": subject.name, **verdict_tables.figures(tried), "prompt_version": versions.PROMPTS}
        output.as_json({**outcome, **texts, "bundle": records})
        return
    output.heading(tried.rendered.title)
    output.markdown(tried.rendered.markdown)
    output.heading("Bundle")
    output.say(
        f"{subject.bundle.sha256}  version {subject.bundle.state_version}, {subject.bundle.redactions} secrets removed"
    )
    output.as_json(records)
    output.heading("Checks")
    output.table(verdict_tables.of_one(tried), columns=("of", "check", "verdict", "times", "details"), empty="None.")
    output.heading("Draft")
    output.fields(
        {
            "status": f"{tried.status.value}, by {tried.model or 'rules'}",
            "warnings": ", ".join(tried.warnings) or None,
            "calls": tried.calls,
            "tokens": ", ".join(f"{count} {kind.removesuffix('_tokens')}" for kind, count in tried.usage if count) or 0,
            "price": "not known" if tried.dollars is None else f"${tried.dollars:.4f}",
            "second reader": _check(tried),
            "prompt": versions.PROMPTS,
            "characters": len(tried.rendered.markdown),
        }
    )


def _check(tried: "Trial") -> str | None:
    check = tried.check
    if check is None:
        return None
    return f"{check.model}: {check.statements} statements, {check.flagged} flagged, {check.removed} removed"
