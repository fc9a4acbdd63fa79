"""The second reader: one call for each answer, bounded in time, whose failure holds nothing up.

It takes no turn of the pace and begins no outage: what it says is wanted, not needed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.reader import findings
from consumer.domain.reader.findings import Findings
from consumer.domain.review.violations import Said
from consumer.flows.drafting.calls.calling import count_tokens
from consumer.flows.drafting.calls.choice import ModelChoice
from consumer.flows.drafting.model import (
    Answer,
    Call,
    CallForbidden,
    Ending,
    FormRefused,
    Model,
    ModelAway,
    ModelLocked,
    PromptRefused,
)
from consumer.flows.operation.meters import Meter, Meters

CHECK_SECONDS = 15.0
"""The most that a check may take (contract part 8)."""
BEFORE_DEADLINE_SECONDS = 0.25
"""A check ends so long before the first package has to be decided."""

log = structlog.stdlib.get_logger("escalation.drafting")


class CheckEnd(StrEnum):
    """How a check ended."""

    CHECKED = "checked"
    INCOMPLETE = "incomplete"
    """There are verdicts, but not on every statement."""
    UNREADABLE = "unreadable"
    SLOW = "slow"
    FAILED = "failed"
    NO_TIME = "no_time"
    """The deadline is too near for a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check of one answer."""

    end: CheckEnd
    statements: int
    """How many it was asked about."""
    findings: Findings | None = None
    answer: Answer | None = None
    """What was paid for."""

    @property
    def is_whole(self) -> bool:
        return self.end is CheckEnd.CHECKED


class SecondReader:
    """Reads the statements of an answer. Never raises."""

    def __init__(
        self,
        *,
        model: Model,
        choice: ModelChoice,
        meters: Meters,
        clock: Callable[[], float],
        left_seconds: Callable[[], float | None],
    ) -> None:
        """`left_seconds`: until the first package has to be decided; None without a deadline, 0 after it."""
        self._model = model
        self._choice = choice
        self._meters = meters
        self._clock = clock
        self._left_seconds = left_seconds

    async def read(self, bundle: Bundle, statements: tuple[Said, ...]) -> Check | None:
        """What the reader says of these statements; None if no reader is wanted, or there is nothing to read."""
        call = self._choice.check_call(bundle, statements) if statements else None
        if call is None:
            return None
        began = self._clock()
        check = await self._check(call, statements)
        self._meters.count(Meter.CHECKS, label=check.end.value)
        self._meters.observe(Meter.CHECK_SECONDS, self._clock() - began)
        if not check.is_whole:
            log.warning("An answer was not checked by the second reader.", event_name="unchecked", why=check.end.value)
        return check

    async def _check(self, call: Call, statements: tuple[Said, ...]) -> Check:
        seconds = self._seconds()
        if seconds <= 0:
            return Check(end=CheckEnd.NO_TIME, statements=len(statements))
        try:
            async with asyncio.timeout(seconds):
                answer = await self._ask(call)
        except TimeoutError:
            return Check(end=CheckEnd.SLOW, statements=len(statements))
        except (ModelAway, ModelLocked, PromptRefused, FormRefused, CallForbidden):
            return Check(end=CheckEnd.FAILED, statements=len(statements))
        count_tokens(self._meters, answer)
        read = findings.read(answer.text, statements) if answer.ending is Ending.COMPLETE else None
        if read is None:
            return Check(end=CheckEnd.UNREADABLE, statements=len(statements), answer=answer)
        end = CheckEnd.INCOMPLETE if read.unread else CheckEnd.CHECKED
        return Check(end=end, statements=len(statements), findings=read, answer=answer)

    def _seconds(self) -> float:
        left = self._left_seconds()
        if not left:  # no deadline, or a fallback is out already and this answer becomes its upgrade
            return CHECK_SECONDS
        return min(CHECK_SECONDS, left - BEFORE_DEADLINE_SECONDS)

    async def _ask(self, call: Call) -> Answer:
        try:
            return await self._model.draft(call)
        except FormRefused:  # the model sends the plain form from now on
            return await self._model.draft(call)
