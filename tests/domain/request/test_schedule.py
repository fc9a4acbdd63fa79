"""The next work of a request: one rule after the other, and no wake-up is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.request.schedule import FinishedWork, NextWork, RevisionRules, ScheduledRequest, following
from schemas.packages import Cause

DUE = datetime(2026, 3, 4, tzinfo=UTC)
LATER_DUE = DUE + timedelta(seconds=60)
RULES = RevisionRules(after_seconds=60, window_seconds=1000, limit=5)
TAKEN = FinishedWork(cause=Cause.REQUEST, replay_id=None, due_at=DUE)
STANDING = ScheduledRequest(
    cause=Cause.REQUEST,
    replay_id=None,
    due_at=DUE,
    due_in_seconds=-5.0,
    priority=3,
    revisions_by_change=0,
    since_first_seconds=0.0,
)


def after(
    standing: ScheduledRequest = STANDING,
    *,
    taken: FinishedWork = TAKEN,
    rules: RevisionRules = RULES,
    news: bool = False,
    upgrade_in_seconds: float | None = None,
) -> NextWork:
    return following(taken, standing, rules, news=news, upgrade_in_seconds=upgrade_in_seconds)


def test_nothing_new_means_nothing_to_do() -> None:
    assert after().due_in_seconds is None


def test_news_is_taken_up_once_the_session_has_been_quiet() -> None:
    work = after(news=True)
    assert (work.due_in_seconds, work.cause, work.rank) == (60, Cause.STATE_CHANGED, 13)


def test_the_quiet_time_that_intake_has_begun_to_count_goes_on() -> None:
    assert after(replace(STANDING, due_at=LATER_DUE, due_in_seconds=41.0), news=True).due_in_seconds == 41


def test_a_wake_up_that_is_past_already_counts_from_now() -> None:
    assert after(replace(STANDING, due_at=LATER_DUE, due_in_seconds=-1.0), news=True).due_in_seconds == 60


def test_beyond_limit_or_window_news_is_left_alone() -> None:
    assert after(replace(STANDING, revisions_by_change=5), news=True).due_in_seconds is None
    assert after(replace(STANDING, since_first_seconds=1001), news=True).due_in_seconds is None
    assert after(rules=replace(RULES, limit=0), news=True).due_in_seconds is None


def test_the_upgrade_covers_the_news_where_it_comes_first() -> None:
    assert after(news=True, upgrade_in_seconds=1).cause is Cause.UPGRADE
    work = after(news=True, upgrade_in_seconds=100)
    assert (work.cause, work.due_in_seconds) == (Cause.STATE_CHANGED, 60)
    assert after(upgrade_in_seconds=100).due_in_seconds == 100


def test_a_replay_that_was_asked_for_meanwhile_stands() -> None:
    asked = replace(STANDING, cause=Cause.REPLAY, replay_id="a", due_at=LATER_DUE)
    work = after(asked, news=True, upgrade_in_seconds=1)
    assert (work.cause, work.replay_id, work.due_in_seconds, work.rank) == (Cause.REPLAY, "a", 0, 23)
    another = FinishedWork(cause=Cause.REPLAY, replay_id="b", due_at=DUE)
    assert after(asked, taken=another).replay_id == "a"


def test_a_replay_that_was_done_is_done() -> None:
    done = FinishedWork(cause=Cause.REPLAY, replay_id="a", due_at=DUE)
    standing = replace(STANDING, cause=Cause.REPLAY, replay_id="a")
    assert after(standing, taken=done).due_in_seconds is None


seconds = st.floats(-100, 1e5)


@given(
    st.builds(
        ScheduledRequest,
        cause=st.sampled_from(Cause),
        replay_id=st.sampled_from([None, "a", "b"]),
        due_at=st.sampled_from([None, DUE, LATER_DUE]),
        due_in_seconds=st.none() | seconds,
        priority=st.integers(1, 4),
        revisions_by_change=st.integers(0, 7),
        since_first_seconds=st.floats(0, 2000),
    ),
    st.builds(
        FinishedWork, cause=st.sampled_from(Cause), replay_id=st.sampled_from([None, "a", "b"]), due_at=st.just(DUE)
    ),
    st.none() | st.floats(0, 1e4),
)
def test_news_within_the_rules_always_leads_to_work(
    standing: ScheduledRequest, taken: FinishedWork, upgrade: float | None
) -> None:
    work = after(standing, taken=taken, news=True, upgrade_in_seconds=upgrade)
    allowed = standing.revisions_by_change < RULES.limit and standing.since_first_seconds <= RULES.window_seconds
    if allowed or upgrade is not None:
        assert work.due_in_seconds is not None
        assert work.due_in_seconds >= 0
