"""Which fault begins when, and when it is healed. Pure: the same seed gives the same storms, however long a run is."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

STEADY = 0
"""The replica that is never ended."""
MOMENT = (0.0, 0.0)


class Thing(StrEnum):
    """What a fault takes hold of: of one thing no two at a time."""

    REPLICA = "replica"
    EXTRA = "extra replica"
    CLOCK = "clock"
    KAFKA = "kafka"
    POSTGRES = "postgres"
    REDIS = "redis"
    MODEL = "model"
    READER = "second reader"
    NOTHING = "nothing"
    """It happens, and nothing has to be healed."""


class FaultKind(StrEnum):
    KILL_REPLICA = "replica killed"
    END_REPLICA = "replica ended"
    FREEZE_REPLICA = "replica frozen"
    ADD_REPLICA = "replica added"
    MOVE_CLOCK = "clock moved"
    KILL_KAFKA = "kafka killed"
    STOP_KAFKA = "kafka stopped"
    FREEZE_KAFKA = "kafka frozen"
    KILL_POSTGRES = "postgres killed"
    STOP_POSTGRES = "postgres stopped"
    FREEZE_POSTGRES = "postgres frozen"
    FLUSH_REDIS = "redis flushed"
    FREEZE_REDIS = "redis frozen"
    KILL_REDIS = "redis killed"
    BUSY_MODEL = "model 429"
    OVERLOADED_MODEL = "model 529"
    SLOW_MODEL = "model slow"
    HANGING_MODEL = "model hangs"
    GARBAGE_MODEL = "model garbage"
    REFUSING_MODEL = "model refuses"
    LOCKED_MODEL = "model 401"
    RESET_MODEL = "model cuts before"
    CUT_MODEL = "model cuts after"
    """The connection is cut when the answer was paid for."""
    FAULTY_READER = "second reader fails"
    POISON = "poison"
    HOSTILE = "hostile record"
    POLICY = "policy set"
    FEEDBACK = "feedback"
    REDRIVE = "redrive"
    REPLAY = "replay"
    TRIM = "trim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """How a kind of fault is planned."""

    thing: Thing
    weight: float
    seconds: tuple[float, float] = MOMENT
    """How long it lasts, at least and at most."""


MENU: Mapping[FaultKind, Menu] = {
    FaultKind.KILL_REPLICA: Menu(thing=Thing.REPLICA, weight=3, seconds=(0.0, 4)),
    FaultKind.END_REPLICA: Menu(thing=Thing.REPLICA, weight=2, seconds=(0.0, 4)),
    FaultKind.FREEZE_REPLICA: Menu(thing=Thing.REPLICA, weight=3, seconds=(0.5, 8)),
    FaultKind.ADD_REPLICA: Menu(thing=Thing.EXTRA, weight=1, seconds=(4, 14)),
    FaultKind.MOVE_CLOCK: Menu(thing=Thing.CLOCK, weight=1, seconds=(2, 10)),
    FaultKind.KILL_KAFKA: Menu(thing=Thing.KAFKA, weight=1.2, seconds=(0.5, 6)),
    FaultKind.STOP_KAFKA: Menu(thing=Thing.KAFKA, weight=0.8, seconds=(0.5, 6)),
    FaultKind.FREEZE_KAFKA: Menu(thing=Thing.KAFKA, weight=1, seconds=(0.5, 6)),
    FaultKind.KILL_POSTGRES: Menu(thing=Thing.POSTGRES, weight=1.5, seconds=(0.3, 6)),
    FaultKind.STOP_POSTGRES: Menu(thing=Thing.POSTGRES, weight=1, seconds=(0.3, 6)),
    FaultKind.FREEZE_POSTGRES: Menu(thing=Thing.POSTGRES, weight=1, seconds=(0.5, 5)),
    FaultKind.FLUSH_REDIS: Menu(thing=Thing.REDIS, weight=1),
    FaultKind.FREEZE_REDIS: Menu(thing=Thing.REDIS, weight=1, seconds=(0.5, 6)),
    FaultKind.KILL_REDIS: Menu(thing=Thing.REDIS, weight=1, seconds=(0.3, 6)),
    FaultKind.BUSY_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 6)),
    FaultKind.OVERLOADED_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 6)),
    FaultKind.SLOW_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 8)),
    FaultKind.HANGING_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 8)),
    FaultKind.GARBAGE_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 6)),
    FaultKind.REFUSING_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 6)),
    FaultKind.LOCKED_MODEL: Menu(thing=Thing.MODEL, weight=0.5, seconds=(0.5, 3)),
    FaultKind.RESET_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 5)),
    FaultKind.CUT_MODEL: Menu(thing=Thing.MODEL, weight=1, seconds=(1, 5)),
    FaultKind.FAULTY_READER: Menu(thing=Thing.READER, weight=1.5, seconds=(1, 8)),
    FaultKind.POISON: Menu(thing=Thing.NOTHING, weight=4),
    FaultKind.HOSTILE: Menu(thing=Thing.NOTHING, weight=1.5),
    FaultKind.POLICY: Menu(thing=Thing.NOTHING, weight=2),
    FaultKind.FEEDBACK: Menu(thing=Thing.NOTHING, weight=2),
    FaultKind.REDRIVE: Menu(thing=Thing.NOTHING, weight=0.6),
    FaultKind.REPLAY: Menu(thing=Thing.NOTHING, weight=0.6),
    FaultKind.TRIM: Menu(thing=Thing.NOTHING, weight=0.5),
}
_SPARES_THE_STEADY = frozenset({FaultKind.KILL_REPLICA, FaultKind.END_REPLICA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Times are seconds from the beginning of its storm."""

    at: float
    kind: FaultKind
    target: int
    """The replica; 0 where the kind is not about one."""
    healed_at: float
    lot: int
    """What else is left to chance about it."""

    @property
    def held(self) -> tuple[Thing, int]:
        """What it holds until it is healed."""
        return MENU[self.kind].thing, self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How rough it is."""

    replicas: int = 3
    storm_seconds: float = 25.0
    every_seconds: tuple[float, float] = (0.5, 3.0)
    """From one fault to the next, at least and at most."""


def storm(seed: int, number: int, weather: Weather) -> tuple[Fault, ...]:
    """The faults of the n-th storm, by their time. All are healed by its end."""
    chance = random.Random(f"{seed}/{number}")
    held_until: dict[tuple[Thing, int], float] = {}
    return tuple(_faults(chance, weather, held_until))


def _faults(chance: random.Random, weather: Weather, held_until: dict[tuple[Thing, int], float]) -> Iterator[Fault]:
    at = chance.uniform(0.0, weather.every_seconds[0])
    kinds, weights = list(MENU), [menu.weight for menu in MENU.values()]
    while at < weather.storm_seconds:
        (kind,) = chance.choices(kinds, weights)
        menu = MENU[kind]
        first = 1 if kind in _SPARES_THE_STEADY and weather.replicas > 1 else STEADY
        target = chance.randrange(first, weather.replicas) if menu.thing is Thing.REPLICA else 0
        healed_at = min(at + chance.uniform(*menu.seconds), weather.storm_seconds)
        fault = Fault(at=at, kind=kind, target=target, healed_at=healed_at, lot=chance.randrange(2**31))
        if held_until.get(fault.held, -1.0) <= at:
            if menu.thing is not Thing.NOTHING:
                held_until[fault.held] = healed_at
            yield fault
            at += chance.uniform(*weather.every_seconds)
        else:
            at += 0.1  # the thing is held: draw again a little later
