"""One request to the console, as a page sees it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from aiohttp import web

from consumer.adapters.http.console.access import Access, Visitor
from consumer.adapters.http.console.readers import Readers
from consumer.adapters.http.console.templating import Templates

VISITOR = web.RequestKey("visitor", Visitor)

log = structlog.stdlib.get_logger("escalation.console")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a page is given. A page that acts is reached by POST alone, after the gate has checked the form."""

    request: web.Request
    readers: Readers
    access: Access
    templates: Templates

    @property
    def visitor(self) -> Visitor | None:
        """Who signed in."""
        return self.request.get(VISITOR)

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    def asked(self, name: str) -> str | None:
        """A field of the query without blanks around it; None when it is missing or empty."""
        return self._storable(name).strip() or None

    def needed(self, name: str) -> str:
        """A field of the query. Raises HTTPBadRequest without it."""
        value = self._storable(name)
        if not value:
            raise web.HTTPBadRequest(text=f"The address lacks `{name}`.")
        return value

    def _storable(self, name: str) -> str:
        """Raises HTTPBadRequest for what PostgreSQL could hold in no text."""
        value = self.request.query.get(name, "")
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise web.HTTPBadRequest(text=f"`{name}` holds what no text can hold.")
        return value

    async def form(self) -> Mapping[str, str]:
        """The fields of the form that was sent."""
        return {name: value for name, value in (await self.request.post()).items() if isinstance(value, str)}

    def page(self, template: str, *, status: int = 200, **values: object) -> web.Response:
        """The page. Templates find who signed in, the form's token and the path beside `values`."""
        body = self.render(template, **values)
        return web.Response(text=body, status=status, content_type="text/html", charset="utf-8")

    def render(self, template: str, **values: object) -> str:
        return self.templates.render(
            template,
            {
                "visitor": self.visitor,
                "form_token": self.access.form_token(self.visitor),
                "can_sign_in": self.access.has_token,
                "here": self.request.path,
                "searched": self.request.query.get("q", "") if self.request.path == "/search" else "",
                **values,
            },
        )

    def acted(self, action: str, **fields: object) -> None:
        """Logs who did what. Call it before the deed is done. `fields` are ids and figures, never a record's text."""
        visitor = self.visitor
        log.info(
            "An operator acted in the console.",
            event_name="console_action",
            action=action,
            operator=visitor.name if visitor is not None else None,
            address=self.request.remote,
            **fields,
        )


Page: TypeAlias = Callable[[Visit], Awaitable[web.StreamResponse]]


def go_to(url: str) -> web.Response:
    """To that page, by GET: a reload repeats nothing."""
    return web.Response(status=303, headers={"Location": url})
