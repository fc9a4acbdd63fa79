"""Which request meets which fault: data, so that a run can be told and run again."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from tests.support.proxies.kinds import Kind


class Action(StrEnum):
    """What can happen to a request and its answer."""

    CUT = "cut"
    """The connection is reset before the server hears of the request."""
    LOSE = "lose"
    """The server answers; its answer is dropped and the connection reset."""
    HOLD = "hold"
    """The server hears of the request late, even if the client has gone or died since."""
    PASS = "pass"
    """Nothing: for what happens elsewhere at this moment."""
    DELAY = "delay"
    """The answer comes late, and all that follow it on its connection."""
    SWALLOW = "swallow"
    """The server answers; from then on nothing passes in either direction, and the connection stays open."""
    HALVE = "halve"
    """Half of the answer passes; then the connection is reset."""
    REPEAT = "repeat"
    """The server gets the request twice, and the client the first answer."""


FAULTS = tuple(action for action in Action if action is not Action.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the n-th request of a kind meets."""

    kind: str
    nth: int = 1
    """Counted from 1."""
    action: Action
    seconds: float = 0.5
    """Of what is late."""

    def __str__(self) -> str:
        return f"{self.action} {self.kind} #{self.nth}"


class Plan(Protocol):
    """Called in the threads of proxies, with a lock held."""

    def fault(self, kind: str, nth: int, name: str, nth_of_name: int) -> Fault | None:
        """What this request meets. `name` says more about it than its kind: a statement's name, say."""


class Listed:
    """The faults that a list names."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = {(fault.kind, fault.nth): fault for fault in faults}

    def fault(self, kind: str, nth: int, name: str, nth_of_name: int) -> Fault | None:  # noqa: ARG002
        return self._faults.get((kind, nth))


class EachOnce:
    """Whatever is asked meets the fault once, by its kind and name: a request that is new in the service, too."""

    def __init__(
        self,
        action: Action,
        *,
        seconds: float = 0.5,
        spared: Collection[str] = (),
        times: int = 1,
        every: int = 1,
        of_each_kind: bool = False,
    ) -> None:
        """The faults are the first `times` of every `every`-th request of a name, or of a kind. `spared` meet none."""
        self._of_each_kind = of_each_kind
        self._action = action
        self._seconds = seconds
        self._spared = spared
        self._at = {1 + number * every for number in range(times)}

    def fault(self, kind: str, nth: int, name: str, nth_of_name: int) -> Fault | None:  # noqa: ARG002
        if kind in self._spared or (nth if self._of_each_kind else nth_of_name) not in self._at:
            return None
        return Fault(kind=kind, nth=nth, action=self._action, seconds=self._seconds)


class Always:
    """Every request of these kinds meets the fault."""

    def __init__(self, action: Action, *kinds: str) -> None:
        self._action = action
        self._kinds = kinds

    def fault(self, kind: str, nth: int, name: str, nth_of_name: int) -> Fault | None:  # noqa: ARG002
        return Fault(kind=kind, nth=nth, action=self._action) if kind in self._kinds else None


class Armed:
    """Faults that come one by one while the run goes on: each waits for the next request of its kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Fault, Callable[[], object]]] = []

    @property
    def waiting(self) -> int:
        """How many have met no request yet."""
        with self._lock:
            return len(self._waiting)

    def arm(self, fault: Fault, also: Callable[[], object] = lambda: None) -> None:
        """`also` is called in the proxy's thread, before the request goes on."""
        with self._lock:
            self._waiting.append((fault, also))

    def fault(self, kind: str, nth: int, name: str, nth_of_name: int) -> Fault | None:  # noqa: ARG002
        with self._lock:
            armed = next((each for each in self._waiting if each[0].kind == kind), None)
            if armed is None:
                return None
            self._waiting.remove(armed)
        fault, also = armed
        also()
        return replace(fault, nth=nth)


class Ledger:
    """What one proxy saw and did. Its plan can be replaced while it runs."""

    def __init__(self, kinds: Mapping[str, Kind], plan: Plan | None = None) -> None:
        self.kinds = kinds
        self._plan: Plan = plan or Listed()
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._names: Counter[tuple[str, str]] = Counter()
        self._met: list[tuple[Fault, str]] = []

    def follow(self, plan: Plan) -> None:
        """Requests are counted anew."""
        with self._lock:
            self._plan = plan
            self._seen.clear()
            self._names.clear()

    def fault(self, kind: str, name: str) -> Fault | None:
        """Counts a request and says what it meets."""
        with self._lock:
            self._seen[kind] += 1
            self._names[kind, name] += 1
            fault = self._plan.fault(kind, self._seen[kind], name, self._names[kind, name])
            if fault is not None:
                self._met.append((fault, name))
            return fault

    @property
    def seen(self) -> Mapping[str, int]:
        """How often each kind was asked since `follow`."""
        with self._lock:
            return dict(self._seen)

    @property
    def names(self) -> Mapping[tuple[str, str], int]:
        with self._lock:
            return dict(self._names)

    @property
    def met(self) -> list[tuple[Fault, str]]:
        """The faults that have come, with the name of the request."""
        with self._lock:
            return list(self._met)

    @property
    def unknown(self) -> set[str]:
        """Kinds that the table does not have."""
        return set(self.seen) - set(self.kinds)
