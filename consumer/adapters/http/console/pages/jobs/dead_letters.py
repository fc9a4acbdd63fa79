"""*Dead letters*: listed by filters, redriven or purged by jobs: preview, do, watch, stop."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from consumer.adapters.http.console.links import dead_letter_job_url
from consumer.adapters.http.console.pages import fields
from consumer.adapters.http.console.pages.jobs.asking import need_sign_in, refusing, reloading
from consumer.adapters.http.console.visit import Visit, go_to
from consumer.domain.events import SessionKey
from consumer.flows.redrive.ports import ChosenLetters, LetterAction
from consumer.flows.viewing.console.refused_records import MOST_LOOKED_AT
from consumer.flows.viewing.filters import SessionFilter
from consumer.flows.viewing.tickets import ticket_name
from schemas.dead_letters import RefusalReason

_ROWS = 50
_JOBS = 10
_SESSIONS = 499
"""Of one ticket, that a page or a job takes up."""
_MOST_OFFSET = 2**63 - 1


async def asked_letters(visit: Visit, form: Mapping[str, str]) -> ChosenLetters:
    """Which dead letters a form chooses. Raises HTTPBadRequest, naming the field."""
    ticket = fields.text(form, "ticket")
    partition = fields.figure(form, "partition", least=0, most=2**31 - 1)
    return ChosenLetters(
        reason=fields.word(form, "reason", RefusalReason),
        topic=fields.text(form, "topic"),
        partition=None if partition is None else int(partition),
        offset=_offset(form),
        tenant=fields.text(form, "tenant"),
        session=fields.text(form, "session"),
        ticket=ticket,
        sessions=None if ticket is None else await _sessions_of(visit, ticket),
        since=fields.time_field(form, "since"),
        until=fields.time_field(form, "until"),
    )


async def _sessions_of(visit: Visit, ticket: str) -> tuple[SessionKey, ...]:
    """The sessions that have or had the ticket."""
    if (named := ticket_name(ticket)) is None:
        raise web.HTTPBadRequest(text="`ticket` names no ticket.")
    page = await visit.readers.views.sessions(SessionFilter(ticket=named), limit=_SESSIONS)
    if page.next_key is not None:
        raise web.HTTPBadRequest(text=f"More than {_SESSIONS} sessions have or had this ticket: choose by session.")
    return tuple(sorted(view.key for view in page.rows))


async def show_dead_letters(visit: Visit) -> web.Response:
    chosen = await asked_letters(visit, visit.query)
    before = fields.time_field(visit.query, "before")
    page = await visit.readers.refused.refused(chosen, before=before, limit=_ROWS + 1)
    records = page.records[:_ROWS]
    return visit.page(
        "dead_letters.html",
        chosen=chosen,
        query=_query(chosen),
        records=records,
        counts=page.counts,
        older=records[-1].failed_at.isoformat() if len(page.records) > _ROWS else None,
        before=before,
        reasons=[reason.value for reason in RefusalReason],
        most_looked_at=MOST_LOOKED_AT,
        jobs=await visit.readers.letters.jobs(limit=_JOBS),
    )


async def preview_letter_job(visit: Visit) -> web.Response:
    """How many and which, and what would become of the first; changes nothing.

    What is refused after the preview is not in the job: it ends at the moment at which it was shown.
    """
    need_sign_in(visit)
    action = fields.word(visit.query, "action", LetterAction) or LetterAction.REDRIVE
    chosen = await asked_letters(visit, visit.query)
    if chosen.until is None:
        chosen = replace(chosen, until=datetime.now(UTC))
    preview = await visit.readers.letters.preview(action, chosen)
    return visit.page("dead_letter_preview.html", preview=preview, query=_query(chosen))


async def submit_letter_job(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    action = fields.word(form, "action", LetterAction)
    chosen = await asked_letters(visit, form)
    if action is None or chosen.until is None:
        raise web.HTTPBadRequest(text="Begin with a preview.")
    visit.acted(f"{action} dead letters", chosen=_query(chosen))
    with refusing():
        job = await visit.readers.letters.submit(action, chosen, asked_by=_operator(visit))
    return go_to(dead_letter_job_url(job.job_id))


async def show_letter_job(visit: Visit) -> web.Response:
    job_id = visit.needed("id")
    try:
        with refusing():
            job = await visit.readers.letters.job(job_id)
    except web.HTTPConflict as error:
        raise web.HTTPNotFound(text=error.text) from None
    answer = visit.page("dead_letter_job.html", job=job, query=_query(job.chosen))
    return reloading(answer, goes_on=not job.state.has_ended)


async def stop_letter_job(visit: Visit) -> web.StreamResponse:
    """After the piece that is under way. What is done stays done."""
    form = await visit.form()
    job_id = fields.text(form, "id")
    if job_id is None:
        raise web.HTTPBadRequest(text="`id` is missing.")
    visit.acted("stop a job on dead letters", job_id=job_id)
    with refusing():
        await visit.readers.letters.stop(job_id, stopped_by=_operator(visit))
    return go_to(dead_letter_job_url(job_id))


def _operator(visit: Visit) -> str:
    return "console" if visit.visitor is None else f"{visit.visitor.name} (console)"


def _offset(form: Mapping[str, str]) -> int | None:
    """Not by a float: offsets may have more digits than it holds."""
    given = fields.text(form, "offset")
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal()) or len(given) > 19 or int(given) > _MOST_OFFSET:
        raise web.HTTPBadRequest(text="`offset` is a whole number.")
    return int(given)


def _query(chosen: ChosenLetters) -> dict[str, str]:
    """The choice as the fields of a form."""
    values = {
        "reason": chosen.reason,
        "topic": chosen.topic,
        "partition": chosen.partition,
        "offset": chosen.offset,
        "tenant": chosen.tenant,
        "session": chosen.session,
        "ticket": chosen.ticket,
        "since": None if chosen.since is None else chosen.since.isoformat(),
        "until": None if chosen.until is None else chosen.until.isoformat(),
    }
    return {name: str(value) for name, value in values.items() if value is not None}
