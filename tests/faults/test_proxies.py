"""Whatever is asked of a server, the answer is lost, late, halved, or there twice: each request ends once."""

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.proxies.around import Proxies
from tests.support.proxies.kinds import KAFKA, KINDS, MODEL, POSTGRES, REDIS
from tests.support.proxies.plan import FAULTS, Action, EachOnce
from tests.support.stage import Event, RawRecord, Stage, Story

SESSIONS = 6
SETTLED_SECONDS = 240.0
MORE_SESSIONS = 12
MORE_SECONDS = 2.0
AT_THE_END = {"LeaveGroup"}


@pytest.fixture
def proxies(stage: Stage) -> Iterator[Proxies]:
    with Proxies(stage) as made:
        yield made


def waves() -> list[list[Event]]:
    """First packages, a revision of each, a cancellation and an erasure."""
    stories = [Story(f"s-{number}") for number in range(SESSIONS)]
    changes = [[story.fix(), story.outcome("applied_failed", failure_reason="no change")] for story in stories]
    return [
        [event for story in stories for event in (story.opened(f"Case of {story.session_id}"), story.fact())],
        [story.request() for story in stories],
        [event for some in changes for event in some] + [stories[0].cancel(), stories[1].event("session.erased.v1")],
    ]


def poison(stage: Stage) -> RawRecord:
    return (stage.topics.sessions, b"s-0", b"no event", ())


async def lived_through(stage: Stage, proxies: Proxies, enough: Callable[[], bool]) -> None:
    """A service's whole life, from its start to its end by SIGTERM; then the oracle.

    What is not `enough` yet gets more sessions, one after the other: Redis, say, is left alone for a while after each
    failure.
    """
    service = proxies.service()
    service.start()
    first, *others = waves()
    await stage.send(*first)
    await stage.send_poison(poison(stage))
    for wave in others:
        await stage.send(*wave)
        await stage.settled(within_seconds=SETTLED_SECONDS)
    for number in range(MORE_SESSIONS):
        if enough():
            break
        await asyncio.sleep(MORE_SECONDS)
        story = Story(f"more-{number}")
        await stage.send(story.opened(f"Case of {story.session_id}"), story.fact(), story.request())
        await stage.settled(within_seconds=SETTLED_SECONDS)
    ended = await service.terminate()
    assert ended.code == 0
    assert ended.seconds <= 25
    await stage.verdict()


def paid_again(stage: Stage) -> int:
    """Calls for what had been asked before: the same records, as a draft, a repair or a check."""
    drafts = [(request.records, request.is_repair) for request in stage.model.requests]
    checks = [json.dumps([request.records, request.statements]) for request in stage.model.checks]
    return len(drafts) - len(set(drafts)) + len(checks) - len(set(checks))


@pytest.mark.long
@pytest.mark.parametrize("action", FAULTS)
@pytest.mark.parametrize("server", [KAFKA, POSTGRES, REDIS, MODEL])
@pytest.mark.failure(11)
async def test_each_kind_of_request_meets_it_once(stage: Stage, proxies: Proxies, server: str, action: Action) -> None:
    ledger = proxies.by_server[server].ledger
    # PostgreSQL's silence is noticed after 15 s, which is long for each of a hundred statements.
    ledger.follow(EachOnce(action, of_each_kind=(server, action) == (POSTGRES, Action.SWALLOW)))
    wanted = {kind for kind, known in KINDS[server].items() if known.always}

    def left() -> set[str]:
        return wanted - {fault.kind for fault, _ in ledger.met}

    await lived_through(stage, proxies, lambda: left() <= AT_THE_END)
    assert left() == set()
    assert {each.server: each.ledger.unknown for each in proxies.by_server.values() if each.ledger.unknown} == {}
    assert paid_again(stage) <= len(proxies.model.ledger.met), "one call more for each answer that was lost"
