"""Real incident history through the whole service: one outcome per request, nothing lost, no secret shown."""

import asyncio
import random
import secrets

import pytest

from consumer.domain.reader import versions
from tests.support import volvo
from tests.support.model_server import Menu
from tests.support.stage import Stage

OPTIONS = (
    "--limit-sessions",
    "300",
    "--shuffle",
    "0.01",
    "--duplicate",
    "0.01",
    "--gaps",
    "0.3",
    "--conflicts",
    "0.01",
)
SECRETS = (volvo.SECRET_STEM,)
KILLS = 10
CALLS_AT_ONCE = 8


@pytest.fixture(scope="module")
def stream() -> volvo.Stream:
    """Read before servers start, so that absent data starts none."""
    return volvo.stream(*OPTIONS)


@pytest.mark.failure(17)
@pytest.mark.promise(6)
async def test_real_history_ends_in_one_valid_outcome_per_request_and_shows_no_secret(
    stream: volvo.Stream, stage: Stage
) -> None:
    service = await stage.running(model_concurrency=str(CALLS_AT_ONCE))
    await stage.load(stream.lines)
    await stage.settled(within_seconds=180)
    written = await stage.verdict(secrets=SECRETS)
    assert len({package["request_id"] for package in written.packages()}) == stream.requests
    # One draft is begun per row of the ledger, with one call each, as this model's answers keep the rules.
    # No row leaves the ledger here: no answer holds a secret, nothing is erased, and nobody is killed.
    calls = stage.model.calls_by_draft()
    assert len(calls) == await stage.drafts(), "a bundle was paid for twice"
    assert set(calls.values()) == {1}, "a sound answer was sent back for repair"
    assert any(package["redactions"] for package in written.packages()), "no secret was met: the test proves nothing"
    assert any(package["provenance"]["prompt_version"] == versions.PROMPTS for package in written.packages())
    ended = await service.terminate()
    assert (ended.code, ended.seconds < 25) == (0, True)


@pytest.mark.timeout(360)
@pytest.mark.failure(1, 2, 3, 40)
@pytest.mark.promise(1, 3, 4)
async def test_killing_the_service_at_ten_random_moments_changes_nothing_in_the_outcome(
    stream: volvo.Stream, stage: Stage
) -> None:
    seed = secrets.randbelow(10_000)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    chance = random.Random(seed)
    stage.model.always(Menu(stage.model).slow(0.05))
    service = stage.service(model_concurrency=str(CALLS_AT_ONCE))
    service.start()
    loading = asyncio.create_task(stage.load(stream.lines))
    in_flight = 0
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.8, 2.5))
        await service.kill()
        in_flight += CALLS_AT_ONCE
        service.start()
    await loading
    await stage.settled(within_seconds=200)
    written = await stage.verdict(secrets=SECRETS)
    assert len({package["request_id"] for package in written.packages()}) == stream.requests
    begun, drafts = len(stage.model.calls_by_draft()), await stage.drafts()
    assert begun <= drafts + in_flight, f"{begun} drafts were begun for {drafts} that are kept"
