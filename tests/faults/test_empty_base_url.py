"""The environment that `docker compose up` gives: what is not set arrives as an empty text."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.test_stores import sessions
from tests.support import compose
from tests.support.stage import API_KEY, Stage
from tests.support.waiting import until


@asynccontextmanager
async def recording_proxy(asked: list[str]) -> AsyncIterator[str]:
    """Yields the URL of a proxy that writes down the first line of each request, and hangs up."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def composed(**given: str) -> dict[str, str]:
    """The service's environment in docker-compose.yml, filled in from `given` as Compose does."""

    def value(match: re.Match[str]) -> str:
        return given.get(match["name"]) or match["default"]

    environment = compose.services()["service"]["environment"]
    return {name: re.sub(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}", value, text) for name, text in environment.items()}


@pytest.mark.failure(56)
async def test_with_a_key_and_an_empty_base_url_the_api_is_called(stage: Stage) -> None:
    environment = composed(ANTHROPIC_API_KEY=API_KEY)
    assert not environment["ANTHROPIC_BASE_URL"]
    asked: list[str] = []
    async with recording_proxy(asked) as proxy:
        here = stage.environment(keyed=False) | {"ESCALATION_HTTP_HOST": "127.0.0.1", "HTTPS_PROXY": proxy}
        service = stage.service_of(environment | here)
        service.start()
        await service.wait_ready()
        await stage.send(*sessions(1, "empty-base-url"))

        async def called() -> bool:
            return any(line.startswith("CONNECT api.anthropic.com:443 ") for line in asked)

        await until(called, within_seconds=30)


async def test_a_key_with_a_line_end_reaches_the_model(stage: Stage) -> None:
    service = stage.service_of(stage.environment() | {"ANTHROPIC_API_KEY": f" {API_KEY}\r\n"})
    service.start()
    await service.wait_ready()
    await stage.send(*sessions(1, "line-end"))
    await stage.published(1)
    assert stage.model.calls == 1
