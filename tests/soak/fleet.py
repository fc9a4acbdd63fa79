"""The replicas as processes."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.soak.plan import STEADY
from tests.soak.replica import CENSUS
from tests.support.clocks import WrongClock
from tests.support.service import EXIT_SECONDS, ServiceProcess
from tests.support.stage import Stage

SETTINGS = {
    "lease_seconds": "4",
    "session_timeout_seconds": "4",
    "model_attempt_seconds": "5",
    "model_concurrency": "4",
    "revise_window_seconds": "20",
    "relay_transaction_seconds": "4",
}
_CENSUS_SECONDS = 15.0
_PROGRAM = ("tests.soak.replica",)


@dataclass(slots=True)
class Fleet:
    """Replica 0 is the steady one. Replica 1 has a clock that moves, replica 2 a name of its own in the group."""

    stage: Stage
    folder: Path
    retention_days: float
    replicas: list[ServiceProcess] = field(default_factory=list)
    extra: ServiceProcess | None = None
    clock: WrongClock | None = None
    starts: int = 0
    complaints: list[str] = field(default_factory=list)
    _meant_to_run: set[int] = field(default_factory=set)

    @property
    def census(self) -> Path:
        return self.folder / "census"

    @property
    def steady(self) -> ServiceProcess:
        return self.replicas[STEADY]

    def prepare(self, number: int) -> None:
        """Makes the replicas; starts none."""
        for place in range(number):
            changes: dict[str, str] = {"instance_id": "static"} if place == 2 else {}
            self.replicas.append(self._made(self._clock_variables() if place == 1 else {}, **changes))

    def _made(self, variables: Mapping[str, str], **changes: str) -> ServiceProcess:
        days = {"retention_days": f"{self.retention_days:.9f}"}
        settings = SETTINGS | days | changes
        named = {f"ESCALATION_{name.upper()}": value for name, value in settings.items()}
        environment = self.stage.environment() | named | dict(variables) | {CENSUS: str(self.census)}
        return self.stage.service_of(environment, _PROGRAM)

    def _clock_variables(self) -> dict[str, str]:
        try:
            self.clock = WrongClock(self.folder / "clock", seconds=0)
        except pytest.skip.Exception:
            return {}
        return self.clock.variables

    def start(self, place: int) -> None:
        self.replicas[place].start()
        self._meant_to_run.add(place)
        self.starts += 1

    def start_extra(self) -> None:
        self.extra = self.extra or self._made({})
        self.extra.start()
        self.starts += 1

    async def kill(self, place: int) -> None:
        self._meant_to_run.discard(place)
        await self.replicas[place].kill()

    async def end(self, place: int) -> None:
        """SIGTERM: it has to end well, and in time."""
        self._meant_to_run.discard(place)
        await self._end(self.replicas[place], f"replica {place}")

    async def end_extra(self) -> None:
        if self.extra is not None and self.extra.running:
            await self._end(self.extra, "the extra replica")

    async def _end(self, process: ServiceProcess, name: str) -> None:
        if not process.serves:
            await asyncio.sleep(1.0)
        handles_signals = process.serves  # before, an interpreter that starts dies of the signal itself
        try:
            ended = await process.terminate()
        except AssertionError as error:
            self.complaints.append(f"{name}: {str(error).splitlines()[0]}")
            return
        if handles_signals and (ended.code != 0 or ended.seconds > EXIT_SECONDS):
            self.complaints.append(f"{name} ended with {ended.code} after {ended.seconds:.1f} s of SIGTERM")

    def look(self) -> None:
        """Notes who ended by itself, and starts it again."""
        for place in sorted(self._meant_to_run):
            if not self.replicas[place].running:
                self.complaints.append(f"replica {place} ended by itself")
                self.start(place)

    @property
    def up(self) -> list[tuple[str, ServiceProcess]]:
        """Those that run, by name."""
        named = [(str(place), process) for place, process in enumerate(self.replicas)]
        if self.extra is not None:
            named.append(("extra", self.extra))
        return [(name, process) for name, process in named if process.running]

    async def asked(self) -> dict[str, Any] | None:
        """What the steady replica tells of its memory; None when it does not answer."""
        before = self.census.stat().st_size if self.census.exists() else 0
        if not self.steady.running or not self.steady.serves:
            return None
        os.kill(self.steady.pid, signal.SIGUSR1)
        deadline = time.monotonic() + _CENSUS_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            if self.census.exists() and self.census.stat().st_size > before:
                lines = self.census.read_text(encoding="utf-8").splitlines()
                told_last: dict[str, Any] = json.loads(lines[-1])
                return told_last
        return None
