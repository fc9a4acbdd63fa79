"""Drafts on trial: what the service would draft of a bundle, with every check's verdict. Nothing is stored.

By the model as the service asks it (the same ladder, one retry), or by rules.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost import prices
from consumer.domain.review import gate, verdicts
from consumer.domain.review.checks import Scan
from consumer.domain.review.verdicts import CheckStanding, Verdict
from consumer.domain.writing import prompt
from consumer.domain.writing.draft import ANSWER_SCHEMA, Draft
from consumer.domain.writing.markdown import Rendered
from consumer.flows.drafting.dialogue import Judged, ModelDialogue, Unwritten, Written, asked
from consumer.flows.drafting.drafter import retry_in_seconds
from consumer.flows.drafting.model import Answer, Call, Model, ModelAway, ModelLocked, PromptRefused, Turn
from schemas.packages import Caution, PackageStatus, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A draft as it would be published, and how it came about."""

    bundle: Bundle
    draft: Draft
    rendered: Rendered
    status: PackageStatus
    model: str | None
    """None for rules."""
    warnings: tuple[str, ...]
    calls: int
    """Retries included."""
    usage: Usage
    dollars: float | None
    """None where the price of a model that answered is not known."""
    verdicts: tuple[Verdict, ...]

    @property
    def broken(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.standing is CheckStanding.BROKEN)


def try_rules(bundle: Bundle, scan: Scan) -> Trial:
    """Without a model."""
    accepted = gate.by_rules(bundle)
    return Trial(
        bundle=bundle,
        draft=accepted.draft,
        rendered=accepted.rendered,
        status=PackageStatus.FALLBACK,
        model=None,
        warnings=accepted.warnings,
        calls=0,
        usage=Usage(),
        dollars=0.0,
        verdicts=(
            *verdicts.of_rules(bundle, accepted.draft, scan),
            *verdicts.of_package(bundle, accepted.rendered),
        ),
    )


class TrialDrafter:
    """Where drafts are made by a model."""

    def __init__(
        self,
        *,
        model: Model,
        model_name: str,
        other_model_name: str | None,
        max_tokens: int,
    ) -> None:
        self._model = model
        self._model_name = model_name
        self._other_model_name = other_model_name if other_model_name != model_name else None
        self._max_tokens = max_tokens

    def first_call(self, bundle: Bundle) -> Call:
        """What a trial of the bundle would ask first."""
        return self._call(self._model_name, asked(bundle), self._max_tokens)

    async def try_out(self, bundle: Bundle, scan: Scan) -> Trial:
        """Raises ModelAway when a call failed twice, and ModelLocked: then there is nothing to judge."""
        made = _Calls()
        ladder: ModelDialogue[Unwritten] = ModelDialogue(
            ask=lambda name, turns, max_tokens: self._ask(made, name, turns, max_tokens),
            model_name=self._model_name,
            other_model_name=self._other_model_name,
            max_tokens=self._max_tokens,
            scan=scan,
        )
        outcome = await ladder.climb(bundle)
        if isinstance(outcome, Written):
            return _trial(bundle, outcome.accepted, outcome.warnings, ladder.judged, made, outcome.answer.model)
        return _trial(bundle, gate.by_rules(bundle), outcome.warnings, ladder.judged, made, None)

    async def _ask(
        self, made: "_Calls", model_name: str, turns: tuple[Turn, ...], max_tokens: int
    ) -> Answer | Unwritten:
        call = self._call(model_name, turns, max_tokens)
        while True:
            made.count += 1
            try:
                answer = await self._model.draft(call)
            except ModelAway as fault:
                if made.retried:
                    raise
                made.retried = True
                await asyncio.sleep(retry_in_seconds(fault))
            except ModelLocked:
                if model_name == self._model_name:
                    raise
                return Unwritten(warnings=(Caution.MODEL_REFUSED,))
            except PromptRefused:
                return Unwritten(warnings=(Caution.MODEL_REFUSED,))
            else:
                return answer

    @staticmethod
    def _call(model_name: str, turns: tuple[Turn, ...], max_tokens: int) -> Call:
        return Call(
            model=model_name, system=prompt.SYSTEM, turns=turns, answer_schema=ANSWER_SCHEMA, max_tokens=max_tokens
        )


@dataclass(slots=True)
class _Calls:
    """Of one draft."""

    count: int = 0
    retried: bool = False


def _trial(
    bundle: Bundle,
    accepted: gate.Accepted,
    warnings: tuple[str, ...],
    judged: Sequence[Judged],
    made: _Calls,
    model: str | None,
) -> Trial:
    answers = [judgement.answer for judgement in judged]
    return Trial(
        bundle=bundle,
        draft=accepted.draft,
        rendered=accepted.rendered,
        status=PackageStatus.FALLBACK if model is None else PackageStatus.READY,
        model=model,
        warnings=warnings,
        calls=made.count,
        usage=_sum(answers),
        dollars=_dollars(answers),
        verdicts=(
            *verdicts.of_answers([judgement.violations for judgement in judged], written=model is not None),
            *verdicts.of_package(bundle, accepted.rendered),
        ),
    )


def _sum(answers: Sequence[Answer]) -> Usage:
    return Usage(**{name: sum(getattr(answer.usage, name) for answer in answers) for name in Usage.model_fields})


def _dollars(answers: Sequence[Answer]) -> float | None:
    priced = [(prices.price_of(answer.model), answer.usage) for answer in answers]
    if any(price is None for price, _ in priced):
        return None
    return sum(price.of(usage) for price, usage in priced if price is not None)
