"""Calls to the model for one draft: each when it may be made, and one of them once more if it fails.

Whether a call may be made is for others to say: the service asks its claim and the outage, a trial asks nobody.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from consumer.domain.cost.usage import total_usage
from consumer.flows.drafting.calls.pace import CallTurn, Pace, retry_in_seconds
from consumer.flows.drafting.model import (
    Answer,
    Call,
    CallForbidden,
    FormRefused,
    Model,
    ModelAway,
    ModelBusy,
    ModelLocked,
    PromptRefused,
)
from consumer.flows.operation.meters import Meter, Meters
from schemas.packages import Caution, Usage

S_co = TypeVar("S_co", covariant=True)
"""What stands in the way of a call."""

FAULTS = {
    ModelAway: "away",
    ModelBusy: "busy",
    ModelLocked: "locked",
    PromptRefused: "prompt_refused",
    FormRefused: "form_refused",
    CallForbidden: "forbidden",
}


def count_tokens(meters: Meters, answer: Answer) -> None:
    """Counts what an answer was paid for, of whichever model."""
    for kind, tokens in answer.usage:
        meters.count(Meter.MODEL_TOKENS, tokens, label=kind.removesuffix("_tokens"))


class NoRetryLeft(ModelAway):
    """A call failed once, and too many calls do for one more to be made at once."""


@dataclass(slots=True)
class _Measured:
    result: str = "cancelled"


class CallPermit(Protocol[S_co]):
    """Says whether the model may be called."""

    async def obstacle(self) -> S_co | None:
        """Asked before every call; None allows it. Raises Transient."""

    @property
    def probes(self) -> bool:
        """A probe neither waits for its turn nor is repeated: one that fails has told enough."""

    async def answered(self) -> None:
        """Told after every call that the API answered. Raises Transient."""

    async def refused(self, refusal: PromptRefused) -> S_co | None:
        """Told when the API does not take a prompt. None: it is this prompt's fault. Raises Transient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """No answer was good enough: rules have to draft."""

    warnings: tuple[str, ...]


class ModelCalls(Generic[S_co]):
    """The calls of one draft. `made` and `usage` can be read while one is under way."""

    def __init__(
        self,
        *,
        model: Model,
        name: str,
        permit: CallPermit[S_co],
        pace: Pace,
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        """`name` is the first model's: what is said of another one holds for that one alone."""
        self._model = model
        self._name = name
        self._permit = permit
        self._pace = pace
        self._meters = meters
        self._clock = clock
        self._retried = False
        self._reformed: set[str] = set()
        self.made = 0
        """Retries included."""
        self.usage = Usage()
        """Of all answers together."""

    async def ask(self, call: Call) -> Answer | Unwritten | S_co:
        """One call, and the dialogue's one retry if it is not used up.

        A refused form costs nothing and says nothing of the prompt: the call goes out once more in the plain form.
        Raises CallForbidden, besides what the permit and the model raise.
        """
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            async with self._pace.turn(at_once=self._permit.probes) as turn:
                obstacle = await self._permit.obstacle()
                if obstacle is not None:
                    return obstacle
                self.made += 1
                try:
                    with self._measured() as measured:
                        answer = await self._model.draft(call)
                        measured.result = answer.ending.value
                except ModelAway as fault:
                    pause = await self._again_in(fault, turn)
                except FormRefused:
                    self._reform(call.model)
                except (ModelLocked, PromptRefused) as fault:
                    return await self._refused(fault, call)
                except CallForbidden:
                    self.made -= 1
                    raise
                else:
                    self._count(answer)
                    await self._pace.answered()
                    await self._permit.answered()
                    return answer

    async def _again_in(self, fault: ModelAway, turn: CallTurn) -> float:
        """Seconds to the next call, the wait for its turn not included. Raises the fault when there is to be none."""
        if self._permit.probes:
            raise fault
        if isinstance(fault, ModelBusy):
            if await self._pace.asked_to_wait(turn, retry_in_seconds(fault)):
                raise fault
            return 0.0
        if self._retried:
            raise fault
        if not self._pace.may_retry():
            raise NoRetryLeft(str(fault))
        self._retried = True
        return retry_in_seconds(fault)

    async def _refused(self, fault: ModelLocked | PromptRefused, call: Call) -> Unwritten | S_co:
        """What is said of the other model holds for that one alone. Raises the lock of the first."""
        outcome = None
        if call.model == self._name:
            if isinstance(fault, ModelLocked):
                raise fault
            outcome = await self._permit.refused(fault)
        return outcome or Unwritten(warnings=(Caution.MODEL_REFUSED,))

    def _reform(self, model: str) -> None:
        """Notes that the model's calls go out in another form. Raises ModelAway when that is refused, too."""
        if model in self._reformed:
            raise ModelAway("the model's API takes no form of call")
        self._reformed.add(model)

    @contextmanager
    def _measured(self) -> Iterator["_Measured"]:
        measured, began = _Measured(), self._clock()
        try:
            yield measured
        except (ModelAway, ModelLocked, PromptRefused, FormRefused, CallForbidden) as fault:
            measured.result = FAULTS[type(fault)]
            raise
        finally:
            self._meters.count(Meter.MODEL_CALLS, label=measured.result)
            self._meters.observe(Meter.MODEL_SECONDS, self._clock() - began)

    def _count(self, answer: Answer) -> None:
        self.usage = total_usage((self.usage, answer.usage))
        count_tokens(self._meters, answer)
