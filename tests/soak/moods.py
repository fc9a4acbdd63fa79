"""The faults of the model and of the second reader, as behaviours of the loopback server."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.soak.bills import Bills
from tests.soak.plan import FaultKind
from tests.support import model_server
from tests.support.model_server import Behaviour, Menu, ModelServer, Received, Reply

ANSWER_SECONDS = 0.05


class Moods:
    """Sets how the model answers. In a bad mood a share of its answers is as always."""

    def __init__(self, model: ModelServer, bills: Bills) -> None:
        self._model = model
        self._bills = bills
        self._kinds = _drafting(model)
        self._reader_kinds = _reading(model)

    def calm(self) -> None:
        self._model.always(self._bills.noting(self._usual))

    def calm_reader(self) -> None:
        self._model.reader(self._bills.noting(self._model.nothing_found))

    def spoil(self, kind: FaultKind, lot: int) -> None:
        chance = random.Random(lot)
        share = chance.choice([0.3, 0.7, 1.0])
        fault = self._kinds[kind](chance)
        self._model.always(self._bills.noting(self._mixed(fault, chance, share)))

    def spoil_reader(self, lot: int) -> None:
        chance = random.Random(lot)
        self._model.reader(self._bills.noting(chance.choice(self._reader_kinds)))

    def _usual(self, received: Received) -> Reply:
        return replace(self._model.answer(received), delay_seconds=ANSWER_SECONDS)

    def _mixed(self, fault: Behaviour, chance: random.Random, share: float) -> Behaviour:
        return lambda received: fault(received) if chance.random() < share else self._usual(received)


def _drafting(model: ModelServer) -> Mapping[FaultKind, Callable[[random.Random], Behaviour]]:
    menu = Menu(model)
    garbage: list[Behaviour] = [
        model_server.broken_json(),
        model_server.html(),
        model_server.json_body([]),
        model_server.json_body({"type": "message"}),
        menu.says("no"),
        menu.says("## Problem\n\nTBD"),
        menu.says("{}"),
        menu.empty(),
        menu.cut(),
        menu.unknown_block(),
        menu.without_usage(),
    ]
    return {
        FaultKind.BUSY_MODEL: lambda chance: model_server.error(429, retry_after=chance.choice([None, "1", "2"])),
        FaultKind.OVERLOADED_MODEL: lambda _: model_server.error(529),
        FaultKind.SLOW_MODEL: lambda chance: menu.slow(chance.uniform(1.0, 4.0)),
        FaultKind.HANGING_MODEL: lambda _: model_server.hang(),
        FaultKind.GARBAGE_MODEL: lambda chance: chance.choice(garbage),
        FaultKind.REFUSING_MODEL: lambda _: menu.refusal(),
        FaultKind.LOCKED_MODEL: lambda chance: model_server.error(chance.choice([401, 403])),
        FaultKind.RESET_MODEL: lambda _: model_server.reset(),
        FaultKind.CUT_MODEL: lambda _: menu.half_a_body(),
    }


def _reading(model: ModelServer) -> list[Behaviour]:
    def flags(received: Received) -> Reply:
        some = received.statements[:1]
        faults = [{"n": each["n"], "verdict": "unsupported", "reason": "no record says so"} for each in some]
        return model.flagging(received, *faults)

    return [flags, model_server.error(529), model_server.broken_json(), model_server.hang(20.0), model_server.reset()]
