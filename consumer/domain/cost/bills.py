"""What one package cost, by the tokens that its provenance tells and the dated table of prices."""

from dataclasses import dataclass

from consumer.domain.cost.prices import price_of
from consumer.domain.cost.usage import drafting_usage
from schemas.packages import Provenance, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """In dollars; None where nobody knows the model's price."""

    draft: float | None
    check: float | None

    @property
    def total(self) -> float | None:
        return None if self.draft is None or self.check is None else self.draft + self.check


def bill_of(provenance: Provenance) -> Bill:
    """The cost of all calls for the draft, and of its checks by the second reader. Rules alone cost nothing."""
    check = provenance.check
    checked = Usage() if check is None else check.usage
    return Bill(
        draft=_usd(provenance, provenance.model, drafting_usage(provenance.usage, checked), provenance.attempts),
        check=0.0 if check is None else _usd(provenance, check.model, checked, provenance.attempts),
    )


def _usd(provenance: Provenance, model: str | None, usage: Usage, calls: int) -> float | None:
    if usage == Usage():
        return 0.0
    price = None if model is None else price_of(model, at=provenance.drafted_at)
    return None if price is None else price.of(usage, calls=max(calls, 1))
