"""*Tenants*: the policies that hold, and what was spent of their budgets."""

from aiohttp import web

from consumer.adapters.http.console.visit import Visit

_ROWS = 100


async def show_tenants(visit: Visit) -> web.Response:
    tenant = visit.asked("tenant")
    policies = await visit.readers.accounts.policies(tenant, after=visit.asked("after") or "", limit=_ROWS + 1)
    return visit.page(
        "tenants.html",
        tenant=tenant,
        policies=policies[:_ROWS],
        after=policies[_ROWS - 1].tenant_id if len(policies) > _ROWS else None,
    )
