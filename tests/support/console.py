"""A console on a port of its own, and a browser of its pages that runs no script."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from bs4 import BeautifulSoup
from pydantic import SecretStr

from consumer.adapters.http.console.access import Access
from consumer.adapters.http.console.console import Console
from consumer.adapters.http.console.readers import Readers
from consumer.adapters.http.probes import Probes
from consumer.adapters.http.server import HttpServer
from consumer.adapters.prometheus import PrometheusMeters
from consumer.flows.operation.health import Health
from consumer.settings import Settings
from consumer.wiring.database import database
from consumer.wiring.operation import console_readers, metrics

TOKEN = "a token for the tests"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Any
    text: str

    @property
    def page(self) -> BeautifulSoup:
        return BeautifulSoup(self.text, "html.parser")

    @property
    def said(self) -> str:
        """The text of the page's main part in one line."""
        main = self.page.find("main")
        return " ".join((main or self.page).get_text(" ").split())


@dataclass(slots=True)
class Surfer:
    """Keeps cookies, follows nothing by itself."""

    base: str
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        return await self._ask("POST", path, headers, data=fields)

    async def submit(self, path: str, action: str, **fields: str) -> Answer:
        """Opens the page, fills in its form with that action, and sends it."""
        form = (await self.get(path)).page.find("form", action=action)
        assert form is not None, f"{path} has no form for {action}"
        hidden = {str(entry["name"]): str(entry.get("value", "")) for entry in form.find_all("input", type="hidden")}
        return await self.post(action, hidden | fields)

    async def sign_in(self, *, token: str = TOKEN, name: str = "Ada") -> Answer:
        return await self.submit("/sign-in", "/sign-in", token=token, name=name)

    async def _ask(self, method: str, path: str, headers: dict[str, str], **more: Any) -> Answer:
        said = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, self.base + path, headers=said, allow_redirects=False, **more
        ) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.text())


@asynccontextmanager
async def surfing(base: str) -> AsyncIterator[Surfer]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Surfer(base, session)


@asynccontextmanager
async def serving(readers: Readers, *, host: str = "127.0.0.1", token: str | None = None) -> AsyncIterator[str]:
    """The address of a console, and of the probes."""
    access = Access(host=host, token=None if token is None else SecretStr(token))
    probes = Probes(readers.health, lambda: (b"", "text/plain"))
    server = HttpServer(host, 0, [probes, Console(access, readers)])
    port = await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop()


def healthy() -> Health:
    """Of a replica whose every hop works."""
    health = Health(asyncio.get_running_loop().time)
    health.ok("database")
    health.ok("group")
    return health


@asynccontextmanager
async def readers_of(dsn: str, health: Health, meters: PrometheusMeters | None = None) -> AsyncIterator[Readers]:
    """As the service has them, on that database."""
    settings = Settings().model_copy(update={"database_url": SecretStr(dsn)})
    async with database(settings, name="console", max_size=3) as pool:
        yield console_readers(settings, pool=pool, health=health, meters=meters or metrics())
