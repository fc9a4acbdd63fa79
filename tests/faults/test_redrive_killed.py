"""A job whose process dies at any of its steps: the next one goes on, nothing is lost and nothing doubled."""

import asyncio
import json
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from consumer.domain.events import Origin, Record, TopicPartition
from consumer.flows.intake.setting_aside import decode_alone
from consumer.flows.operation.health import Health
from consumer.flows.redrive import redriving
from consumer.flows.redrive.judging import Judge
from consumer.flows.redrive.ports import ChosenLetters, LetterAction, LetterJob, LetterJobState, MissingOriginal
from consumer.flows.redrive.redriving import Redriving
from consumer.wiring.loops import inbox
from schemas.topics import SESSIONS
from tests.support.forked import ForkedCommand
from tests.support.letters import BROKEN, EVENTS, LEASE_SECONDS, Scene, open_scene
from tests.support.wire import REDACTOR, change, request

TABLES = (
    "dead_letters, settled_dead_letters, dead_letter_jobs, sessions, session_events, session_secrets, requests, outbox"
)

SLOW = """
    CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT ON session_events FOR EACH STATEMENT EXECUTE FUNCTION take_a_while();
    CREATE TRIGGER slow AFTER INSERT ON settled_dead_letters FOR EACH STATEMENT EXECUTE FUNCTION take_a_while()
"""
"""Makes kills hit transactions."""
SOUND, UNSOUND = 200, 20


@pytest.fixture
async def scene(bootstrap_servers: str, database: str, topic_prefix: str) -> AsyncIterator[Scene]:
    async with open_scene(bootstrap_servers, database, topic_prefix) as opened:
        yield opened


class Killed(BaseException):
    """The process is no more."""


class Mortal:
    """Dies at its n-th step, before or after doing it. Steps of several are counted together."""

    def __init__(self, steps: "Steps", doer: Any) -> None:
        self._steps = steps
        self._doer = doer

    def __getattr__(self, name: str) -> Any:
        async def step(*arguments: Any, **named: Any) -> Any:
            dies = self._steps.next()
            if dies and not self._steps.after:
                raise Killed
            result = await getattr(self._doer, name)(*arguments, **named)
            if dies:
                raise Killed
            return result

        return step


class Steps:
    def __init__(self, last: int, *, after: bool) -> None:
        self.last = last
        self.after = after
        self.taken = 0

    def next(self) -> bool:
        self.taken += 1
        return self.taken == self.last


class Remembered:
    """The originals, read from Kafka once: reading changes nothing."""

    def __init__(self, read: Mapping[Origin, Record | MissingOriginal]) -> None:
        self._read = read

    async def read(self, origins: Collection[Origin]) -> Mapping[Origin, Record | MissingOriginal]:
        return {origin: self._read[origin] for origin in origins}

    async def session_ends(self) -> Mapping[TopicPartition, int]:
        return {}


def loop(scene: Scene, originals: Remembered, steps: Steps) -> Redriving:
    return Redriving(
        store=Mortal(steps, scene.store),
        judge=Judge(
            originals=originals,
            decode=lambda record: decode_alone(record, scene.topics, REDACTOR),
            topics=scene.topics,
        ),
        originals=originals,
        inbox=Mortal(steps, inbox(scene.settings, scene.pool, REDACTOR)),
        runner="a test",
        lease_seconds=LEASE_SECONDS,
        health=Health(lambda: 0.0),
    )


async def worked(scene: Scene, originals: Remembered, steps: Steps) -> bool:
    """Until the job has ended; False when the process died."""
    stop = asyncio.Event()
    running = asyncio.create_task(loop(scene, originals, steps).run(stop))
    try:
        async with asyncio.timeout(20):
            while not running.done():
                if (await scene.jobs.jobs())[0].state.has_ended:
                    return True
                await asyncio.sleep(0.01)
        return False
    finally:
        stop.set()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.long
@pytest.mark.parametrize("action", LetterAction)
async def test_killed_at_each_step_it_ends_as_if_nobody_had_disturbed_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, action: LetterAction
) -> None:
    monkeypatch.setattr(redriving, "PIECE", 3)
    monkeypatch.setattr(redriving, "PURGED_PIECE", 3)
    monkeypatch.setattr(redriving, "LOOK_SECONDS", 0.01)
    origins = await scene.send(change(version=1), change(version=2), change(version=1, id="a rival"), BROKEN)
    origins += await scene.send(change(version=3), request(), request())
    records = dict(await scene.originals.read(origins))
    nowhere = origins[0]._replace(offset=99)
    records[nowhere] = MissingOriginal(why="it is no more")
    originals = Remembered(records)
    stored = (origins[0], origins[2], origins[3])  # the conflict and the broken one are on the .dlq topic already
    sound = (origins[1], *origins[4:], nowhere)
    kills = 0
    for after in (False, True):
        last = 1
        while await killed_and_back(scene, originals, stored, sound, Steps(last, after=after), action):
            last += 1
            kills += 1
    assert kills > 20 if action is LetterAction.REDRIVE else kills > 8, "it has that many steps"


async def killed_and_back(
    scene: Scene,
    originals: Remembered,
    stored: Collection[Origin],
    sound: Collection[Origin],
    steps: Steps,
    action: LetterAction,
) -> bool:
    """Whether there was a kill."""
    await scene.pool.execute(f"TRUNCATE {TABLES} CASCADE")
    await scene.take_in(*stored)
    await scene.refused(*sound)
    published = await scene.dead_letters_to_publish()
    await scene.jobs.submit(action, ChosenLetters(), asked_by="a test")
    survived = await worked(scene, originals, steps)
    await scene.pool.execute("UPDATE dead_letter_jobs SET leased_until = now() WHERE leased_until IS NOT NULL")
    assert await worked(scene, originals, Steps(0, after=False))
    (job,) = await scene.jobs.jobs()
    at = f"killed at step {steps.last}, {'after' if steps.after else 'before'} it"
    assert counts(job) == counts_wanted(action), at
    assert await scene.dead_letters_to_publish() == published == 2, at
    if action is LetterAction.REDRIVE:
        assert await scene.rows(EVENTS) == [("s1", 1, "e1"), ("s1", 2, "e2"), ("s1", 3, "e3")], at
        assert await scene.rows("SELECT request_id, state FROM requests") == [("r1", "open")], at
        assert sorted(await scene.listed()) == [(SESSIONS, 2), (SESSIONS, 3), (SESSIONS, 99)], at
    else:
        assert await scene.listed() == {}, at
        assert await scene.rows(EVENTS) == [("s1", 1, "e1")], at
    return not survived


def counts(job: LetterJob) -> dict[str, object]:
    named = ("state", "matched", "taken", "dropped", "refused", "gone", "purged")
    return {name: getattr(job, name) for name in named}


def counts_wanted(action: LetterAction) -> dict[str, object]:
    redriven = {"taken": 4, "refused": 2, "gone": 1, "purged": 0}
    done = redriven if action is LetterAction.REDRIVE else {"taken": 0, "refused": 0, "gone": 0, "purged": 7}
    return {"state": LetterJobState.DONE, "matched": 7, "dropped": 0, **done}


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.failure(61)
async def test_the_command_killed_again_and_again_goes_on_when_it_is_repeated(scene: Scene, tmp_path: Path) -> None:
    seed = secrets.randbelow(10_000)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    chance = random.Random(seed)
    sound = await scene.send(*(change(version=version) for version in range(1, SOUND + 1)))
    unsound = await scene.send(*([BROKEN] * UNSOUND))
    await scene.refused(*sound, *unsound)
    await scene.pool.execute(SLOW)
    environment = scene.environment | {"ESCALATION_LEASE_SECONDS": "1"}

    async def stored() -> int:
        return int(await scene.pool.fetchval("SELECT count(*) FROM session_events"))

    async def further(by: int) -> Callable[[], Awaitable[bool]]:
        wanted = await stored() + by

        async def reached() -> bool:
            return await stored() >= wanted

        return reached

    dsn = scene.settings.database_url.get_secret_value()
    with ForkedCommand(environment, tmp_path / "log", "dead-letters", "redrive", "--yes", "--json") as command:
        for _ in range(6):
            await command.killed_at(await further(chance.randint(1, 25)), dsn)
        job = json.loads(await command.finished())
    assert counts(await scene.jobs.job(job["job_id"])) == {
        "state": LetterJobState.DONE,
        "matched": SOUND + UNSOUND,
        "taken": SOUND,
        "dropped": 0,
        "refused": UNSOUND,
        "gone": 0,
        "purged": 0,
    }
    assert len(await scene.jobs.jobs()) == 1, "each command goes on with the same job"
    assert [version for _, version, _ in await scene.rows(EVENTS)] == list(range(1, SOUND + 1))
    assert len(await scene.listed()) == UNSOUND
    assert await scene.dead_letters_to_publish() == 0
