"""The dialogue with the models about one bundle: at most one call, one retry and one repair, and a check per answer.

After a refusal one call to the other model takes the repair's place. Code refuses what is certainly wrong in an answer,
and the second reader flags what is not true to the records. Both go into the one repair. What is flagged again leaves.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost.usage import total_usage
from consumer.domain.reader import question
from consumer.domain.review import gate, violations
from consumer.domain.review.violations import Part, Rule, Scan, Violation
from consumer.flows.drafting.calls.calling import CallPermit, ModelCalls, S_co, Unwritten
from consumer.flows.drafting.calls.choice import ModelChoice
from consumer.flows.drafting.calls.pace import Pace
from consumer.flows.drafting.calls.second_reader import Check, SecondReader
from consumer.flows.drafting.model import Answer, CallForbidden, Ending, Model
from consumer.flows.operation.meters import Meter, Meters
from schemas.packages import Caution, CheckProvenance, Usage

_UNUSABLE = {
    Ending.CUT: "the answer was cut off at its limit: say the same in fewer words",
    Ending.EMPTY: "the answer was empty",
    Ending.REFUSED: "there was no answer",
    Ending.UNEXPECTED: "the answer did not end in order",
}


_OPTIONAL = frozenset({Part.CONFIRMED, Part.NOTES})
"""Parts of an answer in whose place the record's own words stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer, what code says of it, and what the second reader says."""

    answer: Answer
    verdict: gate.Reviewed | gate.Rejected | None = None
    """None for a refusal, which breaks no rule."""
    check: Check | None = None

    @property
    def flagged(self) -> tuple[Violation, ...]:
        """What the second reader flagged."""
        return () if self.check is None or self.check.findings is None else self.check.findings.flagged

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What code refused, then what the reader flagged."""
        return (*(() if self.verdict is None else self.verdict.violations), *self.flagged)

    @property
    def wants_repair(self) -> bool:
        """Whether there is more to mend than wordings and notes that code refuses: a package loses nothing by them."""
        refused = () if self.verdict is None else self.verdict.violations
        return bool(self.flagged) or any(
            violation.place is None or violation.place.part not in _OPTIONAL for violation in refused
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A draft that may be published, and the answer that it came from."""

    answer: Answer
    accepted: gate.Accepted
    warnings: tuple[str, ...]
    check: CheckProvenance | None
    """None without a reader, and where none of its answers could be read."""


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
        left_seconds: Callable[[], float | None],
    ) -> None:
        """`left_seconds`: see `SecondReader`."""
        self._choice = choice
        self._calls = ModelCalls(model=model, name=choice.name, permit=permit, pace=pace, meters=meters, clock=clock)
        self._reader = SecondReader(model=model, choice=choice, meters=meters, clock=clock, left_seconds=left_seconds)
        self._scan = scan
        self._meters = meters
        self.judged: list[Judged] = []
        """The answers so far, in order."""

    @property
    def calls(self) -> int:
        """Calls for the draft, retries included, checks not."""
        return self._calls.made

    @property
    def usage(self) -> Usage:
        """Of all answers together, the second reader's too."""
        return total_usage((self._calls.usage, self.checks_usage))

    @property
    def checks_usage(self) -> Usage:
        """Of the second reader's answers."""
        return total_usage(answer.usage for answer in self._read())

    @property
    def paid(self) -> tuple[Answer, ...]:
        """Every answer, of both models."""
        return (*(judged.answer for judged in self.judged), *self._read())

    async def hold(self, bundle: Bundle) -> Written | Unwritten | S_co:
        """The draft, or why there is none: no answer was good enough, or an obstacle of the permit.

        Raises ModelAway when a call has failed and may not be repeated, ModelLocked when the first model cannot be
        used, and CallForbidden when nothing may be sent.
        """
        call = self._choice.first_call(bundle)
        answer = await self._calls.ask(call)
        if not isinstance(answer, Answer):
            return answer
        judged = await self._judge(answer, bundle)
        if answer.ending is Ending.REFUSED:
            other = self._choice.other_call(bundle)
            if other is None:
                return self._unwritten(Caution.MODEL_REFUSED)
            last = await self._calls.ask(other)
        else:
            if not judged.wants_repair and (written := self._written(judged, bundle)) is not None:
                return written
            try:
                last = await self._calls.ask(self._choice.repair_call(call, answer, judged.violations))
            except CallForbidden:  # what is paid for may stand, without what was flagged
                if (written := self._written(judged, bundle)) is not None:
                    return written
                raise
        if not isinstance(last, Answer):
            return last
        repaired = await self._judge(last, bundle)
        mended = () if answer.ending is Ending.REFUSED else (Caution.REPAIRED,)
        # A repair of which nothing can stand is worse than the first answer without what was flagged in it.
        written = self._written(repaired, bundle, *mended) or self._written(judged, bundle)
        refused = last.ending is Ending.REFUSED
        return written or self._unwritten(Caution.MODEL_REFUSED if refused else Caution.DRAFT_REJECTED)

    async def _judge(self, answer: Answer, bundle: Bundle) -> Judged:
        verdict: gate.Reviewed | gate.Rejected | None = None
        check: Check | None = None
        if answer.ending is Ending.COMPLETE:
            verdict = gate.review(answer.text, bundle, scan=self._scan)
            if isinstance(verdict, gate.Reviewed):
                check = await self._reader.read(bundle, verdict.readable)
        elif answer.ending is not Ending.REFUSED:
            verdict = gate.Rejected(violations=(Violation(rule=Rule.UNREADABLE, detail=_UNUSABLE[answer.ending]),))
        judged = Judged(answer=answer, verdict=verdict, check=check)
        self.judged.append(judged)
        for violation in judged.violations:
            self._meters.count(Meter.VIOLATIONS, label=violation.rule.value)
        return judged

    def _written(self, judged: Judged, bundle: Bundle, *warnings: str) -> Written | None:
        """The package without the statements that are flagged; None if there is none."""
        if not isinstance(judged.verdict, gate.Reviewed):
            return None
        accepted = gate.assemble(judged.verdict, bundle, flagged=judged.flagged)
        if isinstance(accepted, gate.Rejected):
            return None
        unchecked = judged.check is not None and not judged.check.is_whole
        named = (*warnings, *accepted.warnings, *((Caution.UNCHECKED,) * unchecked), *self._named())
        return Written(answer=judged.answer, accepted=accepted, warnings=named, check=self._tally(judged, accepted))

    def _tally(self, judged: Judged, accepted: gate.Accepted) -> CheckProvenance | None:
        answer = None if judged.check is None or judged.check.findings is None else judged.check.answer
        if answer is None or judged.check is None:
            return None
        flagged = {violation.place for violation in judged.flagged}
        return CheckProvenance(
            model=answer.model,
            prompt_version=question.VERSION,
            statements=judged.check.statements,
            flagged=sum(len(earlier.flagged) for earlier in self.judged),
            removed=sum(said.place in flagged for said in accepted.left_out),
            usage=self.checks_usage,
        )

    def _read(self) -> Iterable[Answer]:
        """What the second reader answered."""
        checks = (judged.check for judged in self.judged)
        return (check.answer for check in checks if check is not None and check.answer is not None)

    def _unwritten(self, warning: str) -> Unwritten:
        return Unwritten(warnings=(warning, *self._named()))

    def _named(self) -> Iterable[str]:
        return violations.named(violation for judged in self.judged for violation in judged.violations)
