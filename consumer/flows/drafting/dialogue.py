"""From a bundle to a draft in two answers at most: the model's first one, then its repair, or the other model's.

Who may call, how a call is tried again and what is done with the draft is for others to say: the service's drafter and
a draft on trial climb the same ladder.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from secrets import token_hex
from typing import Generic, TypeVar

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import gate, violations
from consumer.domain.review.checks import Scan
from consumer.domain.review.violations import Rule, Violation
from consumer.domain.writing import prompt
from consumer.flows.drafting.model import Answer, Ending, Turn
from schemas.packages import Caution

CUT_FACTOR = 2
"""An answer that was cut gets so many times the room at its repair."""

S = TypeVar("S")
"""What a call gives that was not answered."""
Ask = Callable[[str, tuple[Turn, ...], int], Awaitable[Answer | S]]
"""One call: the model's name, the turns, and the visible tokens of the answer."""

_UNUSABLE = {
    Ending.CUT: "the answer was cut off at its limit: say the same in fewer words",
    Ending.EMPTY: "the answer was empty",
    Ending.REFUSED: "there was no answer",
    Ending.UNEXPECTED: "the answer did not end in order",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer, and what it breaks; a refusal breaks nothing."""

    answer: Answer
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A draft that may be published, and who wrote it."""

    answer: Answer
    accepted: gate.Accepted
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """No answer was good enough: rules have to do."""

    warnings: tuple[str, ...]


class ModelDialogue(Generic[S]):
    """Climbed once. `judged` are the answers so far, in order; it can be read while the climb is under way."""

    def __init__(
        self, *, ask: Ask[S], model_name: str, other_model_name: str | None, max_tokens: int, scan: Scan
    ) -> None:
        """`other_model_name` is asked once after a refusal; None: nobody is."""
        self._ask = ask
        self._model_name = model_name
        self._other_model_name = other_model_name
        self._max_tokens = max_tokens
        self._scan = scan
        self.judged: list[Judged] = []

    async def climb(self, bundle: Bundle) -> Written | Unwritten | S:
        turns = asked(bundle)
        first = await self._ask(self._model_name, turns, self._max_tokens)
        if not isinstance(first, Answer):
            return first
        if first.ending is Ending.REFUSED:
            self.judged.append(Judged(answer=first))
            return await self._ask_other(bundle)
        verdict = self._judge(first, bundle)
        if isinstance(verdict, gate.Accepted):
            return self._written(first, verdict)
        return await self._repair(bundle, turns, first, verdict)

    async def _ask_other(self, bundle: Bundle) -> Written | Unwritten | S:
        """In the repair's place: a statement of this answer that breaks a rule falls out, or the answer does."""
        if self._other_model_name is None:
            return self._unwritten(Caution.MODEL_REFUSED)
        answer = await self._ask(self._other_model_name, asked(bundle), self._max_tokens)
        return await self._last(answer, bundle)

    async def _repair(
        self, bundle: Bundle, turns: tuple[Turn, ...], first: Answer, rejected: gate.Rejected
    ) -> Written | Unwritten | S:
        complaint = prompt.repair_turn(str(violation) for violation in rejected.violations)
        if first.text.strip():
            turns = (*turns, Turn(role="assistant", text=first.text), Turn(role="user", text=complaint))
        else:  # the API takes no empty turn
            turns = (Turn(role="user", text=f"{turns[0].text}\n\n{complaint}"),)
        room = self._max_tokens * (CUT_FACTOR if first.ending is Ending.CUT else 1)
        return await self._last(await self._ask(self._model_name, turns, room), bundle, Caution.REPAIRED)

    async def _last(self, answer: Answer | S, bundle: Bundle, *warnings: str) -> Written | Unwritten | S:
        if not isinstance(answer, Answer):
            return answer
        if answer.ending is Ending.REFUSED:
            self.judged.append(Judged(answer=answer))
            return self._unwritten(Caution.MODEL_REFUSED)
        verdict = self._judge(answer, bundle, last=True)
        if isinstance(verdict, gate.Accepted):
            return self._written(answer, verdict, *warnings)
        return self._unwritten(Caution.DRAFT_REJECTED)

    def _judge(self, answer: Answer, bundle: Bundle, *, last: bool = False) -> gate.Accepted | gate.Rejected:
        """After the last call statements that cannot stand fall out, if what remains is a package."""
        verdict: gate.Accepted | gate.Rejected
        if answer.ending is not Ending.COMPLETE:
            verdict = gate.Rejected(violations=(Violation(rule=Rule.UNREADABLE, detail=_UNUSABLE[answer.ending]),))
        else:
            verdict = (gate.salvage if last else gate.review)(answer.text, bundle, scan=self._scan)
        self.judged.append(Judged(answer=answer, violations=verdict.violations))
        return verdict

    def _written(self, answer: Answer, accepted: gate.Accepted, *warnings: str) -> Written:
        named = (*warnings, *accepted.warnings, *self._named())
        return Written(answer=answer, accepted=accepted, warnings=named)

    def _unwritten(self, warning: str) -> Unwritten:
        return Unwritten(warnings=(warning, *self._named()))

    def _named(self) -> Iterable[str]:
        return violations.named(violation for judged in self.judged for violation in judged.violations)


def asked(bundle: Bundle) -> tuple[Turn, ...]:
    """What is asked first, with a boundary of its own: no two prompts share one."""
    return (Turn(role="user", text=prompt.user_turn(bundle, token_hex(8))),)
