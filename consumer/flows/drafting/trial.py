"""Trial drafts: what the service would draft from a bundle, with the verdict of every check. Nothing is stored.

The model is asked through the same dialogue as in the service; without a model rules draft.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Never

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost import prices
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.review import gate, verdicts
from consumer.domain.review.verdicts import CheckStanding, Verdict
from consumer.domain.review.violations import Scan
from consumer.domain.writing.draft import Draft
from consumer.flows.drafting.calls.choice import ModelChoice
from consumer.flows.drafting.calls.dialogue import ModelDialogue, Written
from consumer.flows.drafting.calls.pace import Pace
from consumer.flows.drafting.model import Answer, Call, Model, PromptRefused
from consumer.flows.operation.meters import NoMeters
from schemas.packages import CheckProvenance, PackageStatus, Usage


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
    check: CheckProvenance | None = None
    """What the second reader said; None without one."""

    @property
    def broken(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.standing is CheckStanding.BROKEN)


def try_rules(bundle: Bundle, scan: Scan) -> Trial:
    """A trial without a model."""
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
    """Drafts by a model."""

    def __init__(self, *, model: Model, choice: ModelChoice, pace: Pace, clock: Callable[[], float]) -> None:
        self._model = model
        self._choice = choice
        self._pace = pace
        self._clock = clock

    def first_call(self, bundle: Bundle) -> Call:
        """What a trial of the bundle asks first."""
        return self._choice.first_call(bundle)

    async def try_out(self, bundle: Bundle, scan: Scan) -> Trial:
        """Drafts by the model, or by rules if no answer is good enough.

        Raises ModelAway when a call has failed twice, and ModelLocked: then there is nothing to judge.
        """
        dialogue: ModelDialogue[Never] = ModelDialogue(
            model=self._model,
            choice=self._choice,
            permit=_AlwaysPermitted(),
            pace=self._pace,
            scan=scan,
            meters=NoMeters(),
            clock=self._clock,
            left_seconds=lambda: None,
        )
        outcome = await dialogue.hold(bundle)
        if isinstance(outcome, Written):
            accepted, written = outcome.accepted, outcome.answer.model
            return replace(_trial(bundle, accepted, outcome.warnings, dialogue, written), check=outcome.check)
        return _trial(bundle, gate.by_rules(bundle), outcome.warnings, dialogue, None)


class _AlwaysPermitted:
    """A `calling.CallPermit` that allows every call."""

    async def obstacle(self) -> None:
        return None

    @property
    def probes(self) -> bool:
        return False

    async def answered(self) -> None: ...

    async def refused(self, refusal: PromptRefused) -> None: ...


def _trial(
    bundle: Bundle,
    accepted: gate.Accepted,
    warnings: tuple[str, ...],
    dialogue: ModelDialogue[Never],
    model: str | None,
) -> Trial:
    violations = [judged.violations for judged in dialogue.judged]
    return Trial(
        bundle=bundle,
        draft=accepted.draft,
        rendered=accepted.rendered,
        status=PackageStatus.FALLBACK if model is None else PackageStatus.READY,
        model=model,
        warnings=warnings,
        calls=dialogue.calls,
        usage=dialogue.usage,
        dollars=_dollars(dialogue.paid),
        verdicts=(
            *verdicts.of_answers(violations, written=model is not None),
            *verdicts.of_package(bundle, accepted.rendered),
        ),
    )


def _dollars(answers: Sequence[Answer]) -> float | None:
    now = datetime.now(UTC)
    priced = [(prices.price_of(answer.model, at=now), answer.usage) for answer in answers]
    if any(price is None for price, _ in priced):
        return None
    return sum(price.of(usage) for price, usage in priced if price is not None)
