"""The life of a request as far as intake moves it: how requests, cancellations, replays and erasures change its state.

| state             | request              | with a new `replayid` | cancellation         | erasure of its session |
| ----------------- | -------------------- | --------------------- | -------------------- | ---------------------- |
| (unknown)         | open                 | open                  | foreseen             |                        |
| foreseen          | cancelled, withdrawn | cancelled, withdrawn  | no-op                | forgotten              |
| open              | no-op                | no-op                 | cancelled, withdrawn | failed                 |
| done              | no-op                | a further revision    | cancelled, withdrawn | cancelled, withdrawn   |
| done, but trimmed | no-op                | no-op                 | cancelled, withdrawn | cancelled, withdrawn   |
| failed, cancelled | no-op                | no-op                 | no-op                | no-op                  |

A request for an erased session fails at once; a cancellation for one is dropped. "Trimmed" means that retention has
deleted the package.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from consumer.domain.events import NO_TRACE, Cancellation, Request, RequestKey, SessionKey, TraceContext
from schemas.packages import TicketReference


class RequestState(StrEnum):
    """The state of a request."""

    FORESEEN = "foreseen"
    """Cancelled before it arrived. The cancellation is remembered, and nothing is published yet."""
    OPEN = "open"
    """Waits for its session's state, or is being drafted."""
    DONE = "done"
    """Has a package; further revisions may follow."""
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRequest:
    """A request as the store holds it."""

    state: RequestState
    revision: int = 0
    """The number of the last package; 0 without a package."""
    requested_state_version: int | None = None
    trace: TraceContext = NO_TRACE
    replay_ids: frozenset[str] = frozenset()
    """The ids of all replays in which the request has arrived. A record that is read again asks for nothing."""
    has_package: bool = False
    """Whether the last package is still stored. Then `ticket` is its ticket, not the session's."""
    ticket: TicketReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A request's row that has to be written."""

    request: Request
    state: RequestState


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """What has to be written and published after a batch of arrivals, in their order."""

    entries: tuple[RequestRow, ...]
    """New rows, and the rows of foreseen requests that have now arrived."""
    foreseen: tuple[Cancellation, ...]
    cancelled: tuple[RequestKey, ...]
    """Rows that were open or done, and become cancelled."""
    withdrawn: tuple[tuple[RequestKey, KnownRequest], ...]
    failed: tuple[tuple[RequestKey, KnownRequest], ...]
    """Requests that fail because their session is erased."""
    replays: tuple[Request, ...]
    """Requests whose rows get a further revision."""
    met: tuple[tuple[RequestKey, str], ...]
    """Requests, with the id of a replay in which they have arrived for the first time."""
    repeated: int
    dropped: int


@dataclass(slots=True)
class _Row:
    standing: KnownRequest
    request: Request | None = None
    """The request of a row that is new or was foreseen; None for other rows."""
    foreseen: Cancellation | None = None
    cancelled: bool = False
    replay: Request | None = None
    met: list[str] = field(default_factory=list)
    """The ids of replays that are new to the row."""

    def meet(self, arrival: Request | Cancellation) -> None:
        """Notes the replay that an arrival belongs to."""
        replay_id = arrival.replay_id if isinstance(arrival, Request) else None
        if replay_id is not None and replay_id not in self.standing.replay_ids:
            self.met.append(replay_id)
            self.standing = replace(self.standing, replay_ids=self.standing.replay_ids | {replay_id})


def receive(
    standing: Mapping[RequestKey, KnownRequest],
    arrivals: Iterable[Request | Cancellation],
    erased: Container[SessionKey],
) -> Reception:
    """Applies the arrivals, in their order, to the requests as the store holds them."""
    rows: dict[RequestKey, _Row] = {}
    withdrawn: list[tuple[RequestKey, KnownRequest]] = []
    failed: list[tuple[RequestKey, KnownRequest]] = []
    repeated = dropped = 0
    for arrival in arrivals:
        key = arrival.key
        row = rows.get(key)
        if row is None and key in standing:
            row = rows[key] = _Row(standing[key])
        if row is None:
            if isinstance(arrival, Cancellation):
                if key.session in erased:
                    dropped += 1
                else:
                    rows[key] = _Row(KnownRequest(state=RequestState.FORESEEN), foreseen=arrival)
                continue
            row = rows[key] = _opened(arrival)
            if key.session in erased:
                row.standing = replace(row.standing, state=RequestState.FAILED)
                failed.append((key, row.standing))
        elif row.standing.state is RequestState.FORESEEN and isinstance(arrival, Request):
            row = rows[key] = _opened(arrival)
            row.standing = replace(row.standing, state=RequestState.CANCELLED)
            withdrawn.append((key, row.standing))
        elif isinstance(arrival, Cancellation) and row.standing.state in _CANCELLABLE:
            row.cancelled, row.replay = row.request is None, None
            row.standing = replace(row.standing, state=RequestState.CANCELLED)
            withdrawn.append((key, row.standing))
        elif isinstance(arrival, Request) and _asks_again(arrival, row.standing):
            row.replay = arrival
        else:
            repeated += 1
        row.meet(arrival)
    return Reception(
        entries=tuple(
            RequestRow(request=row.request, state=row.standing.state) for row in rows.values() if row.request
        ),
        foreseen=tuple(row.foreseen for row in rows.values() if row.foreseen),
        cancelled=tuple(key for key, row in rows.items() if row.cancelled),
        withdrawn=tuple(withdrawn),
        failed=tuple(failed),
        replays=tuple(row.replay for row in rows.values() if row.replay),
        met=tuple((key, replay_id) for key, row in rows.items() for replay_id in row.met),
        repeated=repeated,
        dropped=dropped,
    )


_CANCELLABLE = frozenset({RequestState.OPEN, RequestState.DONE})


def _opened(request: Request) -> _Row:
    standing = KnownRequest(state=RequestState.OPEN, requested_state_version=request.state_version, trace=request.trace)
    return _Row(standing, request=request)


def _asks_again(request: Request, standing: KnownRequest) -> bool:
    """Whether a request asks for a further revision; without a stored package there is nothing to revise."""
    new = request.replay_id is not None and request.replay_id not in standing.replay_ids
    return new and standing.state is RequestState.DONE and standing.has_package
