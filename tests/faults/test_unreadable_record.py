"""A record that nobody can read costs itself alone: it is a dead letter with its place, and its neighbours are read."""

import json
from pathlib import Path

import pytest

from tests.faults.test_stores import sessions
from tests.support.batches import BAD_NAME, Made, send_batch
from tests.support.servers import KafkaServer
from tests.support.stage import Event, Stage, Story

GZIP = 1
PARTITION = 0


def made(*events: Event) -> list[Made]:
    return [(event["subject"].encode(), json.dumps(event).encode(), [("source", b"x")]) for event in events]


async def letters(stage: Stage) -> dict[int, str]:
    """The reasons of the dead letters by offset."""
    written = (await stage.oracle.read()).dead_letters
    headers = [dict(letter.headers) for letter in written]
    assert {header["dlq.topic"].decode() for header in headers} <= {stage.topics.sessions}
    return {int(header["dlq.offset"]): header["dlq.reason"].decode() for header in headers}


@pytest.mark.failure(45)
async def test_a_header_whose_name_is_not_utf_8(stage: Stage) -> None:
    service = await stage.running()
    story = Story("told")
    records = made(story.opened(), story.fact(), story.fact("The second one."))
    records[1] = (*records[1][:2], [(BAD_NAME, b"x")])
    first = await send_batch(stage.bootstrap_servers, stage.topics.sessions, PARTITION, records)
    await stage.send(story.request(state_version=3), *sessions(8, "sound"))
    await stage.published(9, within_seconds=30)
    await stage.settled()
    assert await letters(stage) == {first + 1: "undecodable"}
    assert (await service.prompt_readiness()).status == 200


@pytest.mark.long
@pytest.mark.failure(46)
async def test_a_batch_that_inflates_to_200_megabytes(stage: Stage) -> None:
    await stage.running()
    large: list[Made] = [(b"s", bytes(200_000_000), [])]
    first = await send_batch(stage.bootstrap_servers, stage.topics.sessions, PARTITION, large, compression=GZIP)
    await stage.send(*sessions(8, "sound"))
    await stage.published(8, within_seconds=30)
    await stage.settled()
    assert await letters(stage) == {first: "too_large"}


@pytest.mark.kills_servers
@pytest.mark.failure(13)
async def test_a_record_that_the_disk_damaged(stage: Stage, kafka_server: KafkaServer) -> None:
    folder = getattr(kafka_server, "folder", None)
    if folder is None:
        pytest.skip("the broker's disk is not at hand: its log cannot be damaged")
    story = Story("damaged")
    records = made(story.opened(), story.fact("words to be damaged"))
    topic = stage.topics.sessions
    first = await send_batch(stage.bootstrap_servers, topic, PARTITION, records[:1])
    await send_batch(stage.bootstrap_servers, topic, PARTITION, records[1:])
    await send_batch(stage.bootstrap_servers, topic, PARTITION, made(story.fact("The third one.")))
    damage(Path(folder) / "data" / f"{topic}-{PARTITION}", b"words to be damaged")
    await stage.running()
    await stage.send(story.request(state_version=3), *sessions(8, "sound"))
    await stage.published(9, within_seconds=30)
    await stage.settled()
    assert await letters(stage) == {first + 1: "corrupt"}


def damage(partition: Path, words: bytes) -> None:
    """Flips a bit behind the words, in the segment that holds them."""
    for segment in partition.glob("*.log"):
        with segment.open("r+b") as log:
            at = log.read().find(words)
            if at >= 0:
                log.seek(at + 3)
                log.write(b"\x00")
                return
    raise AssertionError(f"no segment in {partition} holds the words")
