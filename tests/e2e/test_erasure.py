"""An audit of erasure: everything that is stored, before and after, and after old records were sent again."""

import json
from typing import Any

import pytest

from tests.support.stage import Event, Stage, Story

PLACES = {
    "title": "zebra-title",
    "summary": "zebra-summary",
    "intake": "zebra-intake",
    "fact": "zebra-fact",
    "actor": "zebra-actor",
    "fix": "zebra-fix",
    "outcome": "zebra-outcome",
    "script": "zebra-script",
    "parameter": "zebra-parameter",
    "reason": "zebra-reason",
    "conflict": "zebra-conflict",
    "invalid": "zebra-invalid",
    "unreadable": "zebra-unreadable",
}
"""A word for every place where a text can stand, so that a word that is left names its place."""
TICKET = {"system": "halopsa", "ticket_id": "77"}


def history(story: Story) -> list[Event]:
    template = {"name": PLACES["script"], "slug": "reset"}
    used = {"generation_id": "g1", "template": template, "parameters_used": {"account": PLACES["parameter"]}}
    events = [
        story.opened(
            PLACES["title"], problem_summary=PLACES["summary"], intake_text=PLACES["intake"], psa_ticket=TICKET
        ),
        story.fact(PLACES["fact"]) | {"actor": PLACES["actor"]},
        story.event("session.script_generated.v1", used),
        story.fix(PLACES["fix"]),
        story.outcome("applied_pending", pending_reason=PLACES["outcome"]),
    ]
    return [*events, story.request("answered", reason=PLACES["reason"], state_version=5)]


def refused(story: Story) -> tuple[tuple[bytes, bytes], ...]:
    """Key and value of a conflicting, an invalid and an unreadable record."""
    second = story.fact(PLACES["conflict"]) | {"id": "a rival", "stateversion": 1}
    invalid = story.event("session.fact_recorded.v1", {"text": PLACES["invalid"]}, version=900)
    key = story.session_id.encode()
    return tuple((key, value) for value in (_bytes(second), _bytes(invalid), f"{{ {PLACES['unreadable']}".encode()))


def _bytes(event: Event) -> bytes:
    return json.dumps(event).encode()


async def dump(stage: Stage) -> dict[str, str]:
    """Everything that is stored: each table, and Redis."""
    tables = (await stage.oracle.read()).tables
    texts = {name: "\n".join(_text(value) for row in rows for value in row.values()) for name, rows in tables.items()}
    return {**texts, "redis": (await stage.oracle.stored_in_redis()).decode(errors="replace")}


async def published(stage: Stage) -> list[tuple[str, str]]:
    """Type and id of each event, sorted: partitions are read in no certain order."""
    return sorted((event["type"], event["id"]) for event in (await stage.oracle.read()).published)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def holders(dumped: dict[str, str], words: dict[str, str]) -> dict[str, set[str]]:
    """Which words each place holds."""
    held = {place: {name for name, word in words.items() if word in text} for place, text in dumped.items()}
    return {place: names for place, names in held.items() if names}


@pytest.mark.timeout(240)
async def test_nothing_of_an_erased_session_is_left_nor_comes_back(stage: Stage) -> None:
    service = await stage.running(revise_after_seconds="0.2", log_level="DEBUG")
    story, neighbour = Story("shared-name"), Story("shared-name", tenant_id="another")
    old, bad = history(story), refused(story)
    waiting = story.request("waiting", reason=PLACES["reason"], state_version=999)
    await stage.send(neighbour.opened("giraffe-title"), neighbour.request(state_version=1))
    await stage.send(*old, waiting)
    await stage.published(2)
    await stage.send_poison(*((stage.topics.sessions, key, value, ()) for key, value in bad))
    await stage.send(story.fact(f"{PLACES['fact']} once more"))
    await stage.published(3)

    before = holders(await dump(stage), PLACES)
    assert set(before) == {"session_events", "requests", "drafts", "packages", "dead_letters", "redis"}, before
    assert set.union(*before.values()) == set(PLACES), "a word is found nowhere: the test proves less than it says"
    assert before["dead_letters"] == {"conflict", "invalid", "unreadable"}

    await stage.send(story.event("session.erased.v1"))
    await stage.settled()
    assert holders(await dump(stage), PLACES) == {}
    outcomes = await published(stage)
    assert sorted(kind.split(".")[1] for kind, _ in outcomes) == [
        "package_failed",
        "package_ready",
        "package_ready",
        "package_ready",
        "package_withdrawn",
    ]

    replayed = old[-1] | {"replayid": "again"}
    sessions, requests = stage.topics.replay
    await stage.send(*old, waiting)
    await stage.send(*old[:-1], topic=sessions)
    await stage.send(old[-1], waiting, replayed, topic=requests)
    await stage.send_poison(
        *((topic, key, value, ()) for topic in (stage.topics.sessions, sessions) for key, value in bad[1:])
    )
    await stage.send_raw(*((sessions, key, value, ()) for key, value in bad[:1]))
    await stage.settled()
    after = await dump(stage)
    assert holders(after, PLACES) == {}
    assert await published(stage) == outcomes
    assert "giraffe-title" in after["session_events"], "a neighbour of the same name lost its content"
    await service.terminate()
    assert [name for name, word in PLACES.items() if word in service.logged] == []
