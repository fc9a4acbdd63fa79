"""Decides when a request is worked on: at first, after a change of its session, and after finished work.

The store asks these rules while it holds the lock of the request's row, with the times of the database's clock.
"""

from dataclasses import dataclass
from datetime import datetime

from consumer.domain.events import Request, SessionChange
from schemas.packages import Cause
from schemas.sessions import CLOSED, REOPENED

LATER = 10
"""Added to the priority: first packages go before all revisions."""
REPLAYED = 20
"""Added to the priority: live work goes before replays."""


_WITHOUT_NEWS = frozenset({CLOSED, REOPENED})
"""Closing or reopening a session alone does not alter its bundle (contract part 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRules:
    """Limits of the revisions that follow changes of a session (contract part 7)."""

    after_seconds: float
    window_seconds: float
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRequest:
    """The request's row as it is now, with the changes that the finished work makes."""

    cause: Cause
    replay_id: str | None
    due_at: datetime | None
    due_in_seconds: float | None
    priority: int
    revisions_by_change: int
    since_first_seconds: float
    """Since the first package; 0 if the finished work made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextWork:
    """When and why the request is taken up again. With `due_in_seconds` None it waits for something new to happen."""

    due_in_seconds: float | None
    cause: Cause
    replay_id: str | None
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedWork:
    """The finished work, as far as the next work depends on it."""

    cause: Cause
    replay_id: str | None
    due_at: datetime | None


def first_rank(request: Request) -> int:
    """The rank of a request without a package; the lowest rank is worked on first."""
    return request.priority + (REPLAYED if request.from_replay else 0)


def is_due_at_once(request: Request, newest_version: int | None, *, waits_for_backlog: bool) -> bool:
    """Whether a new request can be worked on now (contract part 4).

    `newest_version` is the session's, None for a session without an event. A request that names a version needs that
    one; any other needs the newest state, and so every event that stood on the topic before it (`waits_for_backlog`).
    """
    if newest_version is None:
        return False
    if request.state_version is None:
        return not waits_for_backlog
    return newest_version >= request.state_version


def may_change_package(change: SessionChange) -> bool:
    """Whether an accepted change can alter what a package says; a type that this release does not know cannot."""
    return change.type not in _WITHOUT_NEWS and change.data is not None


def following(
    taken: FinishedWork,
    standing: ScheduledRequest,
    rules: RevisionRules,
    *,
    news: bool,
    upgrade_in_seconds: float | None,
) -> NextWork:
    """The next work of a request after finished work. No wake-up is lost.

    `news`: an event was accepted that the finished work has not seen, no matter when intake scheduled the request for
    it. `upgrade_in_seconds`: when a model draft is to replace the fallback. It is None where no upgrade is wanted, and
    during an outage, whose end schedules the upgrade.
    """
    if standing.cause is Cause.REPLAY and (taken.cause, taken.replay_id) != (Cause.REPLAY, standing.replay_id):
        # The replay was asked for during the work. It builds from the newest state, so that it covers the news.
        return NextWork(
            due_in_seconds=max(standing.due_in_seconds or 0.0, 0.0),
            cause=Cause.REPLAY,
            replay_id=standing.replay_id,
            rank=standing.priority + REPLAYED,
        )
    change_in_seconds = _change_in_seconds(taken, standing, rules) if news else None
    if upgrade_in_seconds is not None and (change_in_seconds is None or upgrade_in_seconds <= change_in_seconds):
        return _later(standing.priority, upgrade_in_seconds, Cause.UPGRADE)
    return _later(standing.priority, change_in_seconds, Cause.STATE_CHANGED)


def unchanged(priority: int) -> NextWork:
    """The next work of a request whose session and schedule stand as they did when the finished work began."""
    return _later(priority, None, Cause.STATE_CHANGED)


def _change_in_seconds(taken: FinishedWork, standing: ScheduledRequest, rules: RevisionRules) -> float | None:
    if standing.revisions_by_change >= rules.limit or standing.since_first_seconds > rules.window_seconds:
        return None
    rescheduled = standing.due_at != taken.due_at and standing.due_in_seconds is not None
    if rescheduled and standing.due_in_seconds is not None and standing.due_in_seconds > 0:
        return standing.due_in_seconds  # intake has already begun to count the quiet time
    return rules.after_seconds


def _later(priority: int, due_in_seconds: float | None, cause: Cause) -> NextWork:
    return NextWork(due_in_seconds=due_in_seconds, cause=cause, replay_id=None, rank=priority + LATER)
