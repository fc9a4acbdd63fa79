"""*Feedback*: how packages are taken, which were never posted, and each word."""

from dataclasses import replace

from aiohttp import web

from consumer.adapters.http.console.pages import fields
from consumer.adapters.http.console.visit import Visit
from consumer.flows.operation.budgets import UNPOSTED_MINUTES
from consumer.flows.viewing.console.accounts import MOST_FEEDBACK, MOST_UNPOSTED, FeedbackFilter
from schemas.feedback import FeedbackOutcome

USUAL_DAYS = 30.0
GROUPS = ("prompt", "model", "tenant")
_ROWS = 50
_UNPOSTED_ROWS = 20


async def show_feedback_page(visit: Visit) -> web.Response:
    """The last 30 days, unless `days` says otherwise; `before` is the time of the last row of the page before."""
    chosen = FeedbackFilter(
        tenant=visit.asked("tenant"),
        outcome=fields.word(visit.query, "outcome", FeedbackOutcome),
        days=fields.figure(visit.query, "days", least=0.01, most=fields.LONGEST_DAYS) or USUAL_DAYS,
        before=fields.time_field(visit.query, "before"),
    )
    accounts = visit.readers.accounts
    rows = await accounts.feedback(chosen, _ROWS + 1)
    first_page = chosen.before is None
    sums = await accounts.feedback_sums(replace(chosen, outcome=None)) if first_page else []
    return visit.page(
        "feedback.html",
        chosen=chosen,
        rows=rows[:_ROWS],
        older=rows[_ROWS - 1].occurred_at if len(rows) > _ROWS else None,
        sums=[(by, [row for row in sums if row.by == by]) for by in GROUPS] if first_page else [],
        unposted=await accounts.unposted(chosen.tenant, minutes=UNPOSTED_MINUTES, limit=_UNPOSTED_ROWS)
        if first_page
        else [],
        unposted_minutes=UNPOSTED_MINUTES,
        outcomes=[outcome.value for outcome in FeedbackOutcome],
        most_feedback=MOST_FEEDBACK,
        most_unposted=MOST_UNPOSTED,
    )
