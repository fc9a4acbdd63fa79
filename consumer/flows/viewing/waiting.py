"""What a request waits for, as a sentence. Pure: the view says all."""

from datetime import UTC, datetime

from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.requests import RequestView
from schemas.packages import Cause

_CAUSES = {
    Cause.REQUEST: "its package",
    Cause.STATE_CHANGED: "a revision, because the session changed",
    Cause.UPGRADE: "a draft by the model in place of the fallback",
    Cause.REPLAY: "a revision by a replay",
}


def waits_for(request: RequestView) -> str | None:
    """The sentence; None when nothing is to come by itself."""
    match request.state:
        case RequestState.OPEN:
            return _open(request)
        case RequestState.DONE:
            return _done(request)
        case RequestState.FORESEEN:
            return "It was cancelled before it arrived: its request's record has not come yet."
        case RequestState.FAILED | RequestState.CANCELLED:
            return None


def moment(at: datetime) -> str:
    """A time of the day in UTC, as sentences give it."""
    return at.astimezone(UTC).strftime("%H:%M:%SZ")


def _open(request: RequestView) -> str:
    if request.backlog:
        places = ", ".join(f"offset {offset} of {place}" for place, offset in request.backlog[:3])
        more = f" and {len(request.backlog) - 3} more partitions" if len(request.backlog) > 3 else ""
        return (
            f"It waits until intake has read up to {places}{more}: these records were there before it. "
            "Its deadline does not run until then."
        )
    if request.leased_until is not None and request.leased_until > request.read_at:
        return f"It is being drafted{_by(request)}."
    if _state_has_arrived(request):
        again = f" It was taken up {request.attempts} times and did not come back." if request.attempts else ""
        return f"Its state has arrived: it waits for a free place to be drafted.{again}"
    return _state(request)


def _state(request: RequestView) -> str:
    without = _without_it(request)
    if request.newest_version is None:
        if request.half_deadline_at is None:
            return "It waits for the first event of its session, of which none has arrived."
        verb = "it fails" if request.read_at < request.half_deadline_at else "it is about to fail"
        return (
            "It waits for the first event of its session, of which none has arrived; "
            f"without one {verb} as session_not_found from {moment(request.half_deadline_at)}."
        )
    return (
        f"It waits for version {request.requested_version} of the session, of which {request.newest_version} is the "
        f"newest; {without}"
    )


def _without_it(request: RequestView) -> str:
    if request.half_deadline_at is None:
        return "its clock does not run yet."
    if request.read_at < request.half_deadline_at:
        return f"drafts without it from {moment(request.half_deadline_at)}."
    return f"since {moment(request.half_deadline_at)} it may be drafted without it, and waits for a free place."


def _done(request: RequestView) -> str | None:
    if request.leased_until is not None and request.leased_until > request.read_at:
        return f"{_sentence(_CAUSES[request.next_cause])} is being drafted{_by(request)}."
    if request.due_at is not None:
        if request.due_at <= request.read_at:
            return f"{_sentence(_CAUSES[request.next_cause])} is due and waits for a free place."
        return f"{_sentence(_CAUSES[request.next_cause])} is due at {moment(request.due_at)}."
    if request.upgrade_wanted:
        return "Its package is a fallback: a draft by the model replaces it when the model is back."
    return None


def _by(request: RequestView) -> str:
    return f" by {request.leased_by}" if request.leased_by else ""


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _state_has_arrived(request: RequestView) -> bool:
    return request.newest_version is not None and request.newest_version >= (request.requested_version or 0)
