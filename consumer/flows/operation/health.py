"""Which loops turn and what is stuck: the loops report here, and `/readyz` and `/livez` read it.

Nothing here waits or touches a server, so that an answer comes at once, whatever hangs elsewhere. What changes is
logged: a hop that is lost, and one that works again.
"""

from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Literal

from consumer.flows.operation.hop_lines import HopLines

Hop = Literal[
    "database",
    "standing",
    "group",
    "store",
    "decode",
    "poll",
    "position",
    "partition",
    "requests",
    "publish",
    "parked",
    "drafting",
    "model",
    "cache",
    "forget",
]
"""A station on the way of a record where work can be stuck:

`database`  PostgreSQL answers the probe; `standing`  the store has lost no commits;
`group`  the consumer is a member of its group;
`store`  intake can write its batches; `decode`  most records can be taken in; `poll`  Kafka yields records;
`position`  a committed offset was lost;
`partition`  each partition moves; `requests`  each request ends by its deadline;
`publish`  the relay reaches the topics; `parked`  the topics take every event;
`drafting`  work can be taken up and finished; `model`  the model answers; `cache`  Redis answers;
`forget`  Redis has deleted what it must.
"""

NEEDED: frozenset[Hop] = frozenset({"database", "group"})
"""The service is not ready without these. They count as stuck until they have worked once."""
BLOCKING: frozenset[Hop] = NEEDED | {"standing", "store", "decode", "poll"}
"""The service is not ready while one of these fails. The others are named, and work goes on without them."""

SILENCE_SECONDS = 20.0
"""A loop without a sign of life for so long is stuck. With the time between two looks it is named within 30 s."""

_LOOP = "loop:"
_SILENT = "the loop does not turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """One thing that makes no progress."""

    what: str
    """A hop, or a loop as `loop:<name>`."""
    reason: str
    """One line for people, without payloads and secrets."""
    seconds: float
    """For how long, by the monotonic clock."""
    blocking: bool
    """Whether the service is not ready because of it."""
    restart_helps: bool = False
    """Whether another process might do better: a loop stands still. What falls is started again in this one."""


@dataclass(slots=True)
class _Trouble:
    since: float
    reason: str


class Health:
    """The last signs of life of every loop and hop. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lines = HopLines(clock)
        started = clock()
        self._beats: dict[str, tuple[float, float]] = {}
        self._falls: dict[str, _Trouble] = {}
        self._troubles: dict[Hop, _Trouble] = {
            hop: _Trouble(started, "not seen to work since the start") for hop in sorted(NEEDED)
        }

    def expect(self, loop: str, *, within_seconds: float = SILENCE_SECONDS) -> None:
        """From now on this loop must beat at least every `within_seconds`."""
        self._beats[loop] = (self._clock(), within_seconds)

    def retire(self, loop: str) -> None:
        """This loop has ended as it should: no beat is expected any more."""
        self._beats.pop(loop, None)

    def beat(self, loop: str) -> None:
        """This loop turns. Every loop calls this at every turn, also without work and while a server is away."""
        _, within = self._beats.get(loop, (0.0, SILENCE_SECONDS))
        self._beats[loop] = (self._clock(), within)

    def falls(self, loop: str, reason: str) -> None:
        """This loop keeps ending in an error right after its start: it counts as stuck, even if it beats."""
        known = self._falls.get(loop)
        self._falls[loop] = _Trouble(known.since if known else self._clock(), _one_line(reason))

    def stands(self, loop: str) -> None:
        """This loop has run for a while again."""
        self._falls.pop(loop, None)

    def failing(self, hop: Hop, reason: str, *, seconds: float = 0.0) -> None:
        """This hop has not worked for `seconds`. The first report starts its clock; later ones renew the reason."""
        known = self._troubles.get(hop)
        trouble = _Trouble(known.since if known else self._clock() - seconds, _one_line(reason))
        self._troubles[hop] = trouble
        seconds = self._clock() - trouble.since
        Context().run(self._lines.failing, hop, trouble.reason, seconds=seconds, again=known is not None)

    def ok(self, hop: Hop) -> None:
        """This hop works."""
        self._troubles.pop(hop, None)
        Context().run(self._lines.works, hop)  # without the ids of the work that noticed it

    def stuck(self) -> tuple[Stuck, ...]:
        """Returns everything that makes no progress now, the longest first."""
        now = self._clock()
        hops = [
            Stuck(what=hop, reason=trouble.reason, seconds=now - trouble.since, blocking=hop in BLOCKING)
            for hop, trouble in self._troubles.items()
        ]
        silent = [
            Stuck(what=_LOOP + loop, reason=_SILENT, seconds=now - last, blocking=True, restart_helps=True)
            for loop, (last, within) in self._beats.items()
            if now - last > within
        ]
        failing = [
            Stuck(what=_LOOP + loop, reason=trouble.reason, seconds=now - trouble.since, blocking=True)
            for loop, trouble in self._falls.items()
        ]
        return tuple(sorted(hops + silent + failing, key=lambda stuck: -stuck.seconds))

    @property
    def ready(self) -> bool:
        return not any(stuck.blocking for stuck in self.stuck())

    @property
    def alive(self) -> bool:
        """Whether every loop turns."""
        return not any(stuck.restart_helps for stuck in self.stuck())


def _one_line(reason: str) -> str:
    return " ".join(reason.split())[:300]
