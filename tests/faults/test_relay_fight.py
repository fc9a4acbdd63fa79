"""Relays that are killed, frozen and cut off while they fight over one outbox: a reader sees every event once."""

import pytest

from tests.support.relay_fight import Fight, duelled

SEEDS = 5
"""`make fight` runs 200, each with 30 faults."""


async def test_every_event_is_seen_once_whatever_happens_in_a_short_fight(
    bootstrap_servers: str, database: str, topic_prefix: str
) -> None:
    fought = await Fight(bootstrap_servers, database, topic_prefix, seed=20).fought(8)
    assert (fought.lost, fought.twice) == ([], {}), fought


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.failure(3, 5, 11, 40)
@pytest.mark.promise(3)
async def test_every_event_is_seen_once_whoever_is_killed_or_frozen(
    bootstrap_servers: str, database: str, topic_prefix: str, seed: int
) -> None:
    fought = await Fight(bootstrap_servers, database, topic_prefix, seed).fought()
    assert len(fought.faults) == 30
    assert fought.met >= 5
    assert (fought.lost, fought.twice) == ([], {}), fought


@pytest.mark.long
@pytest.mark.parametrize("hasty", [False, True])
@pytest.mark.failure(5)
async def test_a_commit_that_arrives_late_counts_once_because_fencing_comes_first(
    bootstrap_servers: str, database: str, topic_prefix: str, *, hasty: bool
) -> None:
    """A relay that reads the position before it fences, as no relay of ours does, publishes the batch again."""
    twice = await duelled(bootstrap_servers, database, topic_prefix, hasty=hasty)
    assert bool(twice) == hasty, twice
