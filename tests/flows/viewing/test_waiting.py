"""What a request waits for, in a sentence; a ticket as people write it. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from consumer.domain.events import RequestKey
from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.requests import RequestView
from consumer.flows.viewing.tickets import ticket_name
from consumer.flows.viewing.waiting import waits_for
from schemas.packages import Cause

NOW = datetime(2026, 3, 2, 12, 2, tzinfo=UTC)
HALF = datetime(2026, 3, 2, 12, 3, 10, tzinfo=UTC)
OPEN = RequestView(
    key=RequestKey("t", "s", "r"), state=RequestState.OPEN, origin=None, stored_at=NOW, read_at=NOW, priority=3,
    force=False, from_replay=False, deadline_seconds=120, requested_version=99, newest_version=14, reason=None,
    backlog=(), half_deadline_at=HALF, deadline_at=HALF + timedelta(seconds=60), due_at=HALF, next_cause=Cause.REQUEST,
    replay_id=None, attempts=0, leased_until=None, leased_by=None, revision=0, package_id=None, status=None, cause=None,
    package_at=None, ticket=None, upgrade_wanted=False, failure=None, ended_at=None, first_outcome_at=None,
)  # fmt: skip
LATER = NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        (OPEN, "It waits for version 99 of the session, of which 14 is the newest; drafts without it from 12:03:10Z."),
        (replace(OPEN, read_at=LATER), "14 is the newest; since 12:03:10Z it may be drafted without it"),
        (
            replace(OPEN, newest_version=None),
            "none has arrived; without one it fails as session_not_found from 12:03:10Z",
        ),
        (replace(OPEN, newest_version=99), "Its state has arrived: it waits for a free place"),
        (replace(OPEN, newest_version=99, attempts=2), "taken up 2 times and did not come back"),
        (replace(OPEN, leased_until=LATER, leased_by="replica-2"), "It is being drafted by replica-2."),
        (replace(OPEN, leased_until=NOW), "It waits for version 99"),
        (
            replace(OPEN, backlog=(("x/3", 900),), half_deadline_at=None),
            "until intake has read up to offset 900 of x/3",
        ),
        (replace(OPEN, state=RequestState.DONE, due_at=None), None),
        (replace(OPEN, state=RequestState.DONE, due_at=LATER, next_cause=Cause.STATE_CHANGED), "is due at 12:07:00Z"),
        (
            replace(OPEN, state=RequestState.DONE, due_at=None, upgrade_wanted=True),
            "replaces it when the model is back",
        ),
        (replace(OPEN, state=RequestState.FORESEEN), "cancelled before it arrived"),
        (replace(OPEN, state=RequestState.FAILED), None),
    ],
)
def test_each_reason_for_waiting_has_its_sentence(view: RequestView, sentence: str | None) -> None:
    said = waits_for(view)
    assert said is None if sentence is None else sentence in (said or "")


@pytest.mark.parametrize(
    ("written", "ticket_id", "systems"),
    [
        ("777", "777", None),
        (" #777 ", "777", None),
        ("##777", "#777", None),
        ("autotask #T2026.0042", "T2026.0042", ("autotask",)),
        ("Halo PSA #7", "7", ("halopsa",)),
    ],
)
def test_a_ticket_is_read_as_people_write_it(written: str, ticket_id: str, systems: tuple[str, ...] | None) -> None:
    named = ticket_name(written)
    assert named is not None
    assert (named.ticket_id, named.systems) == (ticket_id, systems)


def test_connectwise_is_meant_by_its_short_name_and_by_each_of_its_own() -> None:
    short, long = ticket_name("CW #777"), ticket_name("ConnectWise Manage #777")
    assert short is not None
    assert long is not None
    assert short.systems == long.systems
    assert "connectwise" in (short.systems or ())
    assert ticket_name(" # ") is None
