"""Every page, command, record and query for one of two tenants: nothing of the other is shown, read or changed."""

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.adapters.http.console.routes import ROUTES
from consumer.flows.operation.health import Health
from consumer.flows.replay import applying
from consumer.wiring.operation import console_readers, metrics
from tests.faults.apart.cases import COMMANDS, PAGES, RECORDS, Case
from tests.faults.apart.twins import OTHER, WORDS, Twins
from tests.faults.apart.watch import QueryWatch, named_queries
from tests.faults.machines.drafters import drafters
from tests.faults.machines.machine import event_loop
from tests.support.answers import structured
from tests.support.console import TOKEN, serving, surfing
from tests.support.model_server import ModelServer
from tests.support.replicas import OTHER_MODEL
from tests.support.walker import commands, leaves

_KNOWN = tomllib.loads((Path(__file__).parent / "queries.toml").read_text(encoding="utf-8"))
SEEN: dict[str, list[str]] = _KNOWN["seen"]
"""The queries that the cases run, by file."""
SHARED: dict[str, dict[str, str]] = _KNOWN["shared"]
"""Why each of the others serves all tenants, by file."""
EMPTY = {"cache_evictions", "model_doubts", "session_secrets", "settled_dead_letters"}
"""Tables that hold nothing of the other tenant."""
BROAD = {("GET", "/dead-letters"), ("GET", "/spend")}
"""Pages that read more than they show."""


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


def apart(twins: Twins, watch: QueryWatch, name: str, case: Case) -> Iterator[str]:
    """What of the other tenant the case has seen or changed."""
    before = twins.standing(OTHER)
    watch.forbidden, watch.leaks = WORDS[OTHER], set()
    twins.looks_at_the_other = watch.allow
    shown: object = None
    try:
        shown = case(twins)
    except AssertionError as error:
        yield f"{name}: {error}"
    leaks, watch.forbidden = watch.leaks, None
    if isinstance(shown, str) and WORDS[OTHER] in shown:
        yield f"{name} shows the other tenant"
    if leaks and name not in map(str, BROAD):
        yield f"{name} reads the other tenant by {sorted(leaks)}"
    after = twins.standing(OTHER)
    yield from (f"{name} changes {table} of the other" for table in before if before[table] != after[table])


def test_every_page_has_a_case_or_a_reason() -> None:
    assert {(route.method, route.path) for route in ROUTES} == PAGES.keys()


def test_every_command_has_a_case_or_a_reason() -> None:
    assert {" ".join(path) for path, _ in leaves(commands())} == COMMANDS.keys()


def test_every_query_has_a_case_or_a_reason() -> None:
    known = [f"{stem}.{name}" for table in (SEEN, SHARED) for stem, names in table.items() for name in names]
    assert sorted(known) == sorted(named_queries())


@pytest.mark.long
def test_whatever_is_done_for_a_tenant_nothing_of_the_other_is_seen_or_changed(twins: Twins) -> None:
    watch, wrong = QueryWatch(), list[str]()
    cases: dict[str, Case | str] = {
        **{str(name): case for name, case in PAGES.items()},
        **{f"`{name}`": case for name, case in COMMANDS.items()},
        **{case.__name__: case for case in RECORDS},
    }
    assert {table for table, rows in twins.standing(OTHER).items() if not rows} == EMPTY, (
        "what is not there cannot change"
    )
    with watch.watching():
        for name, case in cases.items():
            if not isinstance(case, str):
                wrong += apart(twins, watch, name, case)
    assert not wrong, "\n".join(wrong)
    expected = {f"{stem}.{name}" for stem, names in SEEN.items() for name in names}
    assert expected - watch.ran == set(), "they have a case that does not run them"
