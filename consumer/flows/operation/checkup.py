"""The checkup of an installation, as `doctor` makes it: many checks at once, each bounded in time; none writes."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from consumer.errors import EscalationError

CHECK_SECONDS = 5.0
"""What a server that answers needs by far; a command that hangs tells an operator nothing."""
CLOSE_SECONDS = 1.0


class CheckLevel(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works; somebody should look at it."""
    WRONG = "wrong"
    """It does not work, or will not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One sentence about one thing, and what to do about it."""

    level: CheckLevel
    text: str
    advice: str | None = None
    """The command or the setting that mends it; None where there is nothing to do."""


class CannotLook(EscalationError):
    """The server is not reached."""

    def __init__(self, text: str, advice: str) -> None:
        super().__init__(text)
        self.advice = advice


def sound(text: str) -> Finding:
    return Finding(level=CheckLevel.OK, text=text)


def doubtful(text: str, advice: str | None = None) -> Finding:
    return Finding(level=CheckLevel.WARNING, text=text, advice=advice)


def broken(text: str, advice: str | None = None) -> Finding:
    return Finding(level=CheckLevel.WRONG, text=text, advice=advice)


class Checkup(Protocol):
    """Looks at one thing. It asks and never writes."""

    @property
    def name(self) -> str: ...

    @property
    def after(self) -> str | None:
        """The check without which this one cannot look: the one that reaches its server."""

    async def findings(self) -> Sequence[Finding]:
        """Raises CannotLook or another EscalationError where it cannot look. May be cancelled at any time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckupResult:
    """What came of one check."""

    name: str
    findings: Sequence[Finding]
    seconds: float
    could_look: bool


async def check_all(checks: Sequence[Checkup]) -> AsyncIterator[CheckupResult]:
    """Runs all checks at once and yields each as it ends. One that fails or hangs stops no other."""
    reached = {check.name: asyncio.get_running_loop().create_future() for check in checks}
    tasks = [asyncio.create_task(_checked(check, reached), name=f"check {check.name}") for check in checks]
    try:
        for ending in asyncio.as_completed(tasks):
            yield await ending
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _checked(check: Checkup, reached: Mapping[str, "asyncio.Future[bool]"]) -> CheckupResult:
    if check.after is not None and not await reached[check.after]:
        reached[check.name].set_result(False)
        skipped = doubtful(f"not looked at, because of {check.after}")
        return CheckupResult(name=check.name, findings=(skipped,), seconds=0.0, could_look=False)
    begun = time.monotonic()
    could_look, findings = await _looked(check)
    reached[check.name].set_result(could_look)
    return CheckupResult(name=check.name, findings=findings, seconds=time.monotonic() - begun, could_look=could_look)


async def _looked(check: Checkup) -> tuple[bool, Sequence[Finding]]:
    looking = asyncio.ensure_future(check.findings())
    try:
        await asyncio.wait({looking}, timeout=CHECK_SECONDS)
    finally:
        if not looking.done():
            looking.cancel()  # hazard: closing a client may hang as well, so it is not waited for without a bound
            await asyncio.wait({looking}, timeout=CLOSE_SECONDS)
    if looking.cancelled() or not looking.done():
        return False, [broken(f"no answer within {CHECK_SECONDS:g} s", "is the address right, and the server well?")]
    match looking.exception():
        case None:
            return True, looking.result()
        case CannotLook(advice=advice) as error:
            return False, [broken(str(error).removeprefix(f"{check.name}: "), advice)]
        case EscalationError() as error:
            return False, [broken(str(error).removeprefix(f"{check.name}: "))]
        case error:  # whatever a client raises, the other checks go on
            return False, [broken(f"could not be looked at: {type(error).__name__}")]
