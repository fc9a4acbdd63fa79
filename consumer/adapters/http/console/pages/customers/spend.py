"""*Spend*: by day, model and tenant, against the budgets, with the dearest packages."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from consumer.adapters.http.console.pages import fields
from consumer.adapters.http.console.visit import Visit
from consumer.flows.viewing.console.accounts import MOST_CALLS


async def show_spend(visit: Visit) -> web.Response:
    """Since the first of this month, unless `since` says otherwise."""
    today = datetime.now(UTC).date()
    since = fields.day(visit.query, "since") or today.replace(day=1)
    if since < today - timedelta(days=fields.LONGEST_DAYS):
        raise web.HTTPBadRequest(text=f"`since` is within the last {fields.LONGEST_DAYS} days.")
    tenant = visit.asked("tenant")
    spending = await visit.readers.accounts.spending(since, tenant)
    return visit.page("spend.html", spending=spending, since=since, tenant=tenant, most_calls=MOST_CALLS)
