"""The two tenants, filled anew for each test."""

import time
from collections.abc import Iterator

import pytest

from consumer.flows.operation.health import Health
from consumer.flows.replay import applying
from consumer.wiring.operation import console_readers, metrics
from tests.faults.apart.twins import Twins
from tests.faults.machines.drafters import drafters
from tests.faults.machines.machine import event_loop
from tests.support.answers import structured
from tests.support.console import TOKEN, serving, surfing
from tests.support.model_server import ModelServer
from tests.support.replicas import OTHER_MODEL


@pytest.fixture
def twins(
    database: str,
    redis_url: str,
    bootstrap_servers: str,
    topic_prefix: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Twins]:
    monkeypatch.setattr(applying, "TICK_SECONDS", 0.05)
    with event_loop() as loop, ModelServer(structured) as model:
        opened = drafters(
            database,
            redis_url,
            topic_prefix,
            model.url,
            revise_after_seconds=0.0,
            revise_limit=50,
            kafka_bootstrap_servers=bootstrap_servers,
        )
        system = loop.run(opened.__aenter__())
        loop.run(system.begin())
        health = Health(time.monotonic)
        other_model = system.settings.model_copy(update={"model": OTHER_MODEL})  # so that a plan has something to ask
        readers = console_readers(other_model, pool=system.pool, health=health, meters=metrics())
        served = serving(readers, token=TOKEN)
        surf = surfing(loop.run(served.__aenter__()))
        surfer = loop.run(surf.__aenter__())
        try:
            loop.run(surfer.sign_in())
            environment = {
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "DATABASE_URL": system.dsn,
                "REDIS_URL": redis_url,
                "ESCALATION_TOPIC_PREFIX": topic_prefix,
                "ESCALATION_REDACTION_KEY": "a key for tests only",
                "ESCALATION_MODEL": OTHER_MODEL,
                "ANTHROPIC_API_KEY": "k",
                "ANTHROPIC_BASE_URL": model.url,
            }
            made = Twins(loop=loop, system=system, model=model, surfer=surfer, environment=environment, capsys=capsys)
            made.fill()
            yield made
        finally:
            for opening in (surf, served, opened):
                loop.run(opening.__aexit__(None, None, None))
