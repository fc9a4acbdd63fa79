"""The three pages, as an orchestrator and Prometheus read them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumer.adapters.http.probes import Probes
from consumer.adapters.http.server import HttpServer
from consumer.adapters.prometheus import CONTENT_TYPE, PrometheusMeters
from consumer.errors import Misconfigured
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter


class Pages:
    def __init__(self, port: int, health: Health, meters: PrometheusMeters) -> None:
        self.health = health
        self.meters = meters
        self._base = f"http://127.0.0.1:{port}"

    async def json(self, path: str) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session, session.get(self._base + path) as answer:
            return answer.status, await answer.json()

    async def text(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self._base + path) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    health = Health(asyncio.get_running_loop().time)
    meters = PrometheusMeters()
    probes = Probes(health, lambda: (meters.exposition(health.stuck()), CONTENT_TYPE))
    server = HttpServer("127.0.0.1", 0, [probes])
    yield Pages(await server.start(), health, meters)
    await server.stop()


async def test_readyz_names_what_is_stuck_and_since_when(pages: Pages) -> None:
    status, page = await pages.json("/readyz")
    assert (status, page["ready"]) == (503, False)
    assert {stuck["what"] for stuck in page["stuck"]} == {"database", "group"}
    assert all(stuck["since"].endswith("+00:00") and stuck["reason"] for stuck in page["stuck"])
    pages.health.ok("database")
    pages.health.ok("group")
    pages.health.failing("cache", "Redis: ConnectionError")
    status, page = await pages.json("/readyz")
    assert (status, page["ready"]) == (200, True)
    assert [(stuck["what"], stuck["blocking"]) for stuck in page["stuck"]] == [("cache", False)]


async def test_livez_asks_for_the_loops_alone(pages: Pages) -> None:
    assert (await pages.json("/livez"))[0] == 200
    pages.health.expect("intake", within_seconds=-1)
    status, page = await pages.json("/livez")
    assert (status, [stuck["what"] for stuck in page["stuck"]]) == (503, ["loop:intake"])


async def test_metrics_show_every_meter_with_its_meaning(pages: Pages) -> None:
    status, text = await pages.text("/metrics")
    shown = {family.name: family.documentation for family in text_string_to_metric_families(text)}
    assert status == 200
    assert {meter.value.name.removesuffix("_total"): meter.value.meaning for meter in Meter}.items() <= shown.items()
    assert 'escalation_stuck_seconds{what="database"}' in text


async def test_a_port_that_is_taken_is_wrong_configuration() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = HttpServer("127.0.0.1", taken.getsockname()[1], [])
        with pytest.raises(Misconfigured, match="ESCALATION_HTTP_PORT"):
            await server.start()
