"""What keeps *Now* fresh must cost little, whoever listens."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from consumer.adapters.http.console import live
from consumer.adapters.http.console.live import LiveFragment
from consumer.adapters.http.server import HttpServer
from consumer.errors import Transient
from tests.support.waiting import until


async def soon(holds: Callable[[], bool]) -> None:
    async def check() -> bool:
        return holds()

    await until(check, within_seconds=20)


class Looks:
    """Counts the looks, and serves them."""

    def __init__(self) -> None:
        self.count = 0
        self.trouble: Exception | None = None
        self.fragment = LiveFragment(self.look)
        self.server = HttpServer("127.0.0.1", 0, [self])
        self.url = ""

    async def look(self) -> str:
        self.count += 1
        if self.trouble is not None:
            raise self.trouble
        return f"<p>look\n{self.count}</p>"

    def add_to(self, application: web.Application) -> None:
        application.router.add_get("/live", self.fragment.serve)
        application.on_shutdown.append(self.fragment.end)


@pytest.fixture
async def looks(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Looks]:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.1)
    made = Looks()
    made.url = f"http://127.0.0.1:{await made.server.start()}/live"
    yield made
    await made.server.stop()


async def heard(answer: aiohttp.ClientResponse, messages: int = 1) -> list[str]:
    """The next messages, as a browser puts their lines together."""
    messages_heard: list[str] = []
    lines: list[str] = []
    while len(messages_heard) < messages:
        line = (await answer.content.readline()).decode().rstrip("\r\n")
        if line.startswith("data: "):
            lines.append(line.removeprefix("data: "))
        elif not line and lines:
            messages_heard.append("\n".join(lines))
            lines = []
    return messages_heard


async def test_all_who_listen_share_one_look(looks: Looks) -> None:
    async with aiohttp.ClientSession() as session:
        answers = [await session.get(looks.url) for _ in range(5)]
        heard_by_each = await asyncio.gather(*(heard(answer, 3) for answer in answers))
        assert all(message.startswith("<p>look\n") for messages in heard_by_each for message in messages)
        assert looks.count <= 5
        for answer in answers:
            answer.close()
        await soon(lambda: looks.fragment.listeners == 0)
    seen = looks.count
    await asyncio.sleep(0.4)
    assert looks.count == seen, "nobody listens, and still it looks"


async def test_listeners_are_bounded(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 2)
    async with aiohttp.ClientSession() as session:
        kept = [await session.get(looks.url) for _ in range(2)]
        assert [answer.status for answer in kept] == [200, 200]
        async with session.get(looks.url) as refused:
            assert refused.status == 503
        for answer in kept:
            answer.close()


async def test_they_are_sent_away_after_a_while(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0.3)
    async with aiohttp.ClientSession() as session, session.get(looks.url) as answer:
        assert (await asyncio.wait_for(answer.read(), 10)).count(b"<p>look") >= 1


async def test_the_end_of_the_service_waits_for_nobody_who_listens(looks: Looks) -> None:
    async with aiohttp.ClientSession() as session, session.get(looks.url) as answer:
        await heard(answer)
        began = time.monotonic()
        await looks.server.stop()
        assert time.monotonic() - began < 0.9
        await asyncio.wait_for(answer.read(), 5)


async def test_while_a_look_fails_the_last_one_stays_and_the_next_one_comes(looks: Looks) -> None:
    async with aiohttp.ClientSession() as session, session.get(looks.url) as answer:
        await heard(answer)
        with capture_logs() as logged:
            looks.trouble = Transient("away")
            await soon(lambda: looks.count >= 3)
            looks.trouble = ValueError("a text of a record")
            await soon(lambda: bool(logged))
            looks.trouble = None
        seen = looks.count
        assert await heard(answer) == [f"<p>look\n{seen + 1}</p>"]
        assert {line["event_name"] for line in logged} == {"console_live_failed"}
        assert "record" not in str(logged)
