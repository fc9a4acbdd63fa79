"""*Package*: as its receiver sees it, what each line rests on, where it comes from, and its proof on request."""

import asyncio
from uuid import UUID

from aiohttp import web
from markupsafe import Markup

from consumer.adapters.http.console.visit import Visit
from consumer.domain.cost.bills import bill_of
from consumer.domain.package import proof
from consumer.domain.package.cautions import say_warning
from consumer.domain.package.proof import Proof
from consumer.domain.rendering.html import is_fragment
from schemas.packages import PackageReady

_COPIES = {"plain_text": "txt", "markdown": "md"}


async def show_package_page(visit: Visit) -> web.Response:
    """`verify=1` proves it, too: that reads all events of its session."""
    package_id = asked_package(visit, "id")
    shown = await visit.readers.packages.shown(package_id)
    if shown is None:
        raise unknown_package(package_id)
    package = shown.package
    return visit.page(
        "package.html",
        shown=shown,
        package=package,
        provenance=package.provenance,
        fragment=_fragment(package),
        bill=bill_of(package.provenance),
        warnings=[(word, say_warning(word)) for word in package.warnings],
        proof=await _proof(visit, package_id) if visit.asked("verify") else None,
    )


async def copy_package(visit: Visit) -> web.Response:
    """The package's text as a file, byte by byte."""
    package_id = asked_package(visit, "id")
    form = visit.needed("form")
    shown = await visit.readers.packages.shown(package_id)
    if shown is None:
        raise unknown_package(package_id)
    if form not in _COPIES:
        raise web.HTTPBadRequest(text=f"`form` is one of {', '.join(_COPIES)}.")
    name = f"{package_id}.{_COPIES[form]}"
    return web.Response(
        body=str(getattr(shown.package, form)).encode(),
        content_type="text/plain",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def asked_package(visit: Visit, name: str) -> UUID:
    """The package id in a field of the query. Raises HTTPBadRequest for anything else."""
    try:
        return UUID(visit.needed(name))
    except ValueError:
        raise web.HTTPBadRequest(text=f"`{name}` is no package's id.") from None


def unknown_package(package_id: UUID) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=f"No package {package_id} is stored. Its session may be erased, or trimmed.")


def _fragment(package: PackageReady) -> Markup | None:
    """The published HTML, the only markup of a record that is not escaped; None where it is not one of ours."""
    return Markup(package.html) if package.html and is_fragment(package.html) else None  # noqa: S704 - just checked


async def _proof(visit: Visit, package_id: UUID) -> Proof | None:
    evidence = await visit.readers.packages.evidence(package_id)
    return None if evidence is None else await asyncio.to_thread(proof.prove, evidence)
