"""*Tenants*: the policies that hold, what was spent of their budgets, and setting one: preview, do."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from consumer.adapters.http.console.links import tenants_url
from consumer.adapters.http.console.pages import fields
from consumer.adapters.http.console.pages.jobs.asking import need_sign_in
from consumer.adapters.http.console.visit import Visit, go_to
from consumer.errors import Permanent, Transient
from schemas.tenants import DEAREST_MONTH_USD, DEFAULT_LANGUAGE, LANGUAGES, LONGEST_FOOTER, ModelAllowed

_ROWS = 100
_DEFAULTS: Mapping[str, Any] = {
    "model": ModelAllowed.ON.value,
    "language": DEFAULT_LANGUAGE,
    "monthly_budget_usd": None,
    "note_footer": None,
}


async def show_tenants(visit: Visit) -> web.Response:
    tenant = visit.asked("tenant")
    policies = await visit.readers.accounts.policies(tenant, after=visit.asked("after") or "", limit=_ROWS + 1)
    return visit.page(
        "tenants.html",
        tenant=tenant,
        policies=policies[:_ROWS],
        after=policies[_ROWS - 1].tenant_id if len(policies) > _ROWS else None,
        languages=LANGUAGES,
        models=[allowed.value for allowed in ModelAllowed],
        longest_footer=LONGEST_FOOTER,
    )


async def preview_policy(visit: Visit) -> web.Response:
    """What holds for the tenant, and what would; sends nothing."""
    need_sign_in(visit)
    tenant, wanted = _asked_policy(visit.query)
    _event(visit, tenant, wanted)
    held = await visit.readers.accounts.policies(tenant, after="", limit=1)
    before = {name: getattr(held[0], name) for name in _DEFAULTS} if held else _DEFAULTS
    return visit.page("policy_preview.html", tenant=tenant, wanted=wanted, before=before, is_set=bool(held))


async def set_policy_from_form(visit: Visit) -> web.StreamResponse:
    """Sends the event that `tenant set` sends. It holds once intake has read it."""
    tenant, wanted = _asked_policy(await visit.form())
    event = _event(visit, tenant, wanted)
    visit.acted(
        "set a tenant's policy",
        tenant_id=tenant,
        model=wanted["model"],
        language=wanted["language"],
        monthly_budget_usd=wanted["monthly_budget_usd"],
        has_footer=wanted["note_footer"] is not None,
        event_id=event["id"],
    )
    try:
        await visit.readers.policies.send(event)
    except Transient as error:
        raise web.HTTPServiceUnavailable(text=str(error)) from None
    return go_to(tenants_url(tenant=tenant))


def _asked_policy(form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    tenant = fields.text(form, "tenant")
    if tenant is None:
        raise web.HTTPBadRequest(text="`tenant` is missing.")
    wanted = {
        "model": (fields.word(form, "model", ModelAllowed) or ModelAllowed.ON).value,
        "language": fields.text(form, "language") or DEFAULT_LANGUAGE,
        "monthly_budget_usd": fields.figure(form, "budget", least=0, most=DEAREST_MONTH_USD),
        "note_footer": fields.text(form, "footer"),
    }
    return tenant, wanted


def _event(visit: Visit, tenant: str, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuses what the service would refuse."""
    try:
        return visit.readers.policies.event(tenant, wanted)
    except Permanent as error:
        raise web.HTTPBadRequest(text=str(error)) from None
