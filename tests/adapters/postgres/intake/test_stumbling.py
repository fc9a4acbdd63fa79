"""A fault of the service while it stores: one record is set aside; when all meet it, nothing is."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.intake import events
from consumer.adapters.postgres.intake import inbox as inbox_module
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.domain.events import Decoded, SessionKey
from consumer.errors import Transient
from tests.adapters.postgres.intake.steps import Store, fact, rows
from tests.support.wire import arrive

Falls = Callable[[SessionKey], bool]


def facts(count: int) -> list[Decoded]:
    names = [f"s{number}" for number in range(count)]
    return [arrive(fact("hush", version=1, subject=name), key=name.encode()) for name in names]


def stumble(monkeypatch: pytest.MonkeyPatch, falls: Falls) -> None:
    copy = events.copy_events

    async def copy_events(connection: Any, progress: Any, acceptance: Any) -> None:
        for _, event in acceptance.accepted:
            if falls(event.key):
                raise RecursionError(event.data)
        await copy(connection, progress, acceptance)

    monkeypatch.setattr(inbox_module, "copy_events", copy_events)


async def test_one_record_is_set_aside_and_its_neighbours_are_stored(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumble(monkeypatch, lambda key: key.session_id == "s3")
    with capture_logs() as logs:
        await store(*facts(20))
    assert len(await rows(pool, "session_events", "session_id")) == 19
    assert await rows(pool, "dead_letters", "reason", "error", "excerpt") == [
        ("internal", "the service cannot store it: RecursionError", "")
    ]
    assert [line["event_name"] for line in logs if line["log_level"] == "error"] == ["record_set_aside"]


@pytest.mark.parametrize(
    ("falls", "set_aside"),
    [(lambda _: True, 0), (lambda key: key.tenant_id == "default", 4)],
    ids=["all", "all but the sound one"],
)
async def test_a_release_that_can_store_nothing_sets_nothing_aside(
    pool: Pool, store: Store, monkeypatch: pytest.MonkeyPatch, falls: Falls, set_aside: int
) -> None:
    """Where the built-in sound record passes, a few are needed to tell."""
    stumble(monkeypatch, falls)
    with capture_logs():
        for _ in range(3):  # it is tried again and again
            with pytest.raises(Transient, match="RecursionError"):
                await store(*facts(20))
    assert len(await rows(pool, "dead_letters")) == set_aside
    monkeypatch.undo()
    await store(*facts(20))
    assert len(await rows(pool, "session_events")) == 20


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '22023'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON session_events FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def test_a_fault_of_the_store_that_ends_while_it_is_looked_into_costs_no_record(
    pool: Pool, store: Store, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the built-in record would pass, and the sound one that was refused before would be at fault."""
    await pool.execute(REFUSE)
    prove = inbox._prove_soundness

    async def proven(refusal: Exception) -> None:
        await pool.execute("DROP FUNCTION IF EXISTS refuse CASCADE")
        await prove(refusal)

    monkeypatch.setattr(inbox, "_prove_soundness", proven)
    await store(*facts(3))
    assert len(await rows(pool, "session_events", "session_id")) == 3
    assert await rows(pool, "dead_letters", "reason") == []
