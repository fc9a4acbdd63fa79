"""The dialogue with the model about one bundle: at most one call, one retry, and one repair.

After a refusal one call to the other model takes the repair's place. The dialogue owns calls, retries, repair and the
sum of the usage. Whether a call may be made is for others to say: the service asks its claim and the outage, a trial
asks nobody.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Generic, Protocol, TypeVar

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost.usage import total_usage
from consumer.domain.review import gate, violations
from consumer.domain.review.checks import Scan
from consumer.domain.review.violations import Rule, Violation
from consumer.domain.writing import prompt
from consumer.domain.writing.draft import ANSWER_SCHEMA
from consumer.flows.drafting.calls.pace import CallTurn, Pace, retry_in_seconds
from consumer.flows.drafting.model import (
    Answer,
    Call,
    Ending,
    FormRefused,
    Model,
    ModelAway,
    ModelBusy,
    ModelLocked,
    PromptRefused,
    Turn,
)
from consumer.flows.operation.meters import Meter, Meters
from schemas.packages import Caution, Usage

CUT_FACTOR = 2
"""The repair of an answer that was cut off gets so many times the room."""

S_co = TypeVar("S_co", covariant=True)
"""What stands in the way of a call."""

_UNUSABLE = {
    Ending.CUT: "the answer was cut off at its limit: say the same in fewer words",
    Ending.EMPTY: "the answer was empty",
    Ending.REFUSED: "there was no answer",
    Ending.UNEXPECTED: "the answer did not end in order",
}


_FAULTS = {
    ModelAway: "away",
    ModelBusy: "busy",
    ModelLocked: "locked",
    PromptRefused: "prompt_refused",
    FormRefused: "form_refused",
}


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
class ModelChoice:
    """Whom to ask, and how much may come back."""

    name: str
    other_name: str | None
    """Asked once after a refusal; None: nobody is."""
    max_tokens: int
    """Visible tokens of an answer."""

    def first_call(self, bundle: Bundle) -> Call:
        """What is asked first, with a boundary of its own: no two prompts share one."""
        return self._call(self.name, (Turn(role="user", text=prompt.user_turn(bundle, token_hex(8))),))

    def other_call(self, bundle: Bundle) -> Call | None:
        """What the other model is asked after a refusal."""
        if self.other_name is None or self.other_name == self.name:
            return None
        return self._call(self.other_name, self.first_call(bundle).turns)

    def repair_call(self, first: Call, answer: Answer, rejected: gate.Rejected) -> Call:
        """What is asked after an answer that broke rules."""
        complaint = prompt.repair_turn(str(violation) for violation in rejected.violations)
        if answer.text.strip():
            turns = (*first.turns, Turn(role="assistant", text=answer.text), Turn(role="user", text=complaint))
        else:  # the API takes no empty turn
            turns = (Turn(role="user", text=f"{first.turns[0].text}\n\n{complaint}"),)
        return self._call(self.name, turns, room=CUT_FACTOR if answer.ending is Ending.CUT else 1)

    def _call(self, name: str, turns: tuple[Turn, ...], *, room: int = 1) -> Call:
        return Call(
            model=name,
            system=prompt.SYSTEM,
            turns=turns,
            answer_schema=ANSWER_SCHEMA,
            max_tokens=self.max_tokens * room,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer, and the rules that it breaks; a refusal breaks none."""

    answer: Answer
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A draft that may be published, and the answer that it came from."""

    answer: Answer
    accepted: gate.Accepted
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """No answer was good enough: rules have to draft."""

    warnings: tuple[str, ...]


class ModelDialogue(Generic[S_co]):
    """Held once, about one bundle. `calls`, `usage` and `judged` can be read while it is under way."""

    def __init__(
        self,
        *,
        model: Model,
        choice: ModelChoice,
        permit: CallPermit[S_co],
        pace: Pace,
        scan: Scan,
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        self._model = model
        self._choice = choice
        self._permit = permit
        self._pace = pace
        self._scan = scan
        self._meters = meters
        self._clock = clock
        self._retried = False
        self._reformed: set[str] = set()
        self.calls = 0
        """Retries included."""
        self.usage = Usage()
        """Of all answers together."""
        self.judged: list[Judged] = []
        """The answers so far, in order."""

    async def hold(self, bundle: Bundle) -> Written | Unwritten | S_co:
        """The draft, or why there is none: no answer was good enough, or an obstacle of the permit.

        Raises ModelAway when a call has failed and may not be repeated, and ModelLocked when the first model cannot be
        used.
        """
        call = self._choice.first_call(bundle)
        warnings: tuple[str, ...] = ()
        answer = await self._ask(call)
        if not isinstance(answer, Answer):
            return answer
        if answer.ending is Ending.REFUSED:
            self._judge(answer, bundle)
            other = self._choice.other_call(bundle)
            if other is None:
                return self._unwritten(Caution.MODEL_REFUSED)
            last = await self._ask(other)
        else:
            verdict = self._judge(answer, bundle)
            if isinstance(verdict, gate.Accepted):
                return self._written(answer, verdict)
            last = await self._ask(self._choice.repair_call(call, answer, verdict))
            warnings = (Caution.REPAIRED,)
        if not isinstance(last, Answer):
            return last
        verdict = self._judge(last, bundle, last=True)
        if isinstance(verdict, gate.Accepted):
            return self._written(last, verdict, *warnings)
        refused = last.ending is Ending.REFUSED
        return self._unwritten(Caution.MODEL_REFUSED if refused else Caution.DRAFT_REJECTED)

    async def _ask(self, call: Call) -> Answer | Unwritten | S_co:
        """One call, and the dialogue's one retry if it is not used up.

        A refused form costs nothing and says nothing of the prompt: the call goes out once more in the plain form.
        """
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            async with self._pace.turn(at_once=self._permit.probes) as turn:
                obstacle = await self._permit.obstacle()
                if obstacle is not None:
                    return obstacle
                self.calls += 1
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
        if call.model == self._choice.name:
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
        except (ModelAway, ModelLocked, PromptRefused, FormRefused) as fault:
            measured.result = _FAULTS[type(fault)]
            raise
        finally:
            self._meters.count(Meter.MODEL_CALLS, label=measured.result)
            self._meters.observe(Meter.MODEL_SECONDS, self._clock() - began)

    def _count(self, answer: Answer) -> None:
        self.usage = total_usage((self.usage, answer.usage))
        for kind, tokens in answer.usage:
            self._meters.count(Meter.MODEL_TOKENS, tokens, label=kind.removesuffix("_tokens"))

    def _judge(self, answer: Answer, bundle: Bundle, *, last: bool = False) -> gate.Accepted | gate.Rejected:
        """After the last call, statements that cannot stand are removed if what remains is a package."""
        verdict: gate.Accepted | gate.Rejected
        if answer.ending is Ending.COMPLETE:
            verdict = (gate.salvage if last else gate.review)(answer.text, bundle, scan=self._scan)
        else:
            verdict = gate.Rejected(violations=(Violation(rule=Rule.UNREADABLE, detail=_UNUSABLE[answer.ending]),))
        broken = () if answer.ending is Ending.REFUSED else verdict.violations
        self.judged.append(Judged(answer=answer, violations=broken))
        for violation in broken:
            self._meters.count(Meter.VIOLATIONS, label=violation.rule.value)
        return verdict

    def _written(self, answer: Answer, accepted: gate.Accepted, *warnings: str) -> Written:
        named = (*warnings, *accepted.warnings, *self._named())
        return Written(answer=answer, accepted=accepted, warnings=named)

    def _unwritten(self, warning: str) -> Unwritten:
        return Unwritten(warnings=(warning, *self._named()))

    def _named(self) -> Iterable[str]:
        return violations.named(violation for judged in self.judged for violation in judged.violations)
