"""Records that are read again, in any way, change nothing, cost no call and publish nothing."""

import json
import random
from collections.abc import Mapping

import pytest

from consumer.adapters.kafka.offsets import GroupInUse
from consumer.cli.service.rewind import moved
from schemas.topics import REPLAY_SUFFIX
from tests.support.stage import Event, Stage, Story, settings_of

_MOVING = {"relay", "outbox", "intake_positions", "schema_migrations"}
"""Tables that a running service writes without any record."""


def history() -> list[Event]:
    """A little of everything: late and repeated events, a conflict, a cancellation, an erasure, a failure."""
    plain, late, erased, cancelled = Story("plain"), Story("late"), Story("erased"), Story("cancelled")
    first = late.opened()
    rival = {**plain.opened(), "id": "a rival"}
    return [
        *(plain.event("session.opened.v1", {"title": "Printing stops"}, version=1), rival, plain.fact(), plain.fix()),
        *(late.fact(), late.request(state_version=2), first, first),
        *(erased.opened("Peculiar words"), erased.request(), erased.event("session.erased.v1")),
        *(cancelled.opened(), cancelled.request(), cancelled.cancel()),
        *(plain.request(), plain.request(), Story("unknown").request(deadline_seconds=5)),
        *(plain.request("replayed-once"),),
    ]


async def everything(stage: Stage) -> Mapping[str, list[str]]:
    """Every row of every table that only records change."""
    written = await stage.oracle.read()
    tables = {
        name: sorted(json.dumps(row, default=str) for row in rows)
        for name, rows in written.tables.items()
        if name not in _MOVING
    }
    return {**tables, "published": sorted(str(event["id"]) for event in written.published)}


@pytest.mark.failure(33)
async def test_a_rewind_yields_no_package_no_call_and_the_same_tables(stage: Stage) -> None:
    service = await stage.running(revise_after_seconds="0.3")
    await stage.send(*history())
    await stage.settled()
    again = Story("plain").request("replayed-once") | {"replayid": "march"}
    await stage.send(again, topic=stage.topics.requests + REPLAY_SUFFIX)
    await stage.settled()
    settings = settings_of(stage.environment())
    with pytest.raises(GroupInUse, match="1 member"):
        await moved(settings, ["session-state-changed"], "earliest", dry_run=False)
    assert (await service.terminate()).code == 0
    before, calls = await everything(stage), stage.model.calls

    dry = await moved(settings, None, "earliest", dry_run=True)
    done = await stage.command("rewind", "--to", "earliest", "--json")
    assert done.code == 0, done.errors
    partitions = json.loads(done.output)["partitions"]
    assert [row["read_again"] for row in partitions] == [move.again for move in dry], "a dry run moved something"
    assert sum(move.again for move in dry) == len(history()) + 1
    assert await stage.oracle.unsettled(), "nothing was rewound: the test proves nothing"

    await stage.running(revise_after_seconds="0.3")
    await stage.settled()
    assert stage.model.calls == calls
    assert await everything(stage) == before


@pytest.mark.failure(33)
async def test_known_records_on_the_replay_topics_change_nothing(stage: Stage) -> None:
    await stage.running(revise_after_seconds="0.3")
    events = [event for event in history() if event["id"] != "a rival"]  # a conflict is dead-lettered every time
    await stage.send(*events)
    await stage.settled()
    before, calls = await everything(stage), stage.model.calls
    random.shuffle(events)
    await stage.send_raw(
        *(
            (stage.topic_of(event) + REPLAY_SUFFIX, event["subject"].encode(), json.dumps(event).encode(), ())
            for event in events
        )
    )
    await stage.settled()
    assert stage.model.calls == calls
    assert await everything(stage) == before
