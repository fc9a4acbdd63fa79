"""The model of a tenant's policy and of budgets (contract, part 11): what is allowed now, by what was said and paid."""

from collections import defaultdict
from dataclasses import dataclass, field

Month = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """What a tenant said last, by its own time; of two at one time that with the greater id."""

    set_at: int = -1
    event_id: str = ""
    uses_model: bool = True
    language: str = "en"
    budget: float | None = None

    def newer(self, other: "ModelPolicy") -> "ModelPolicy":
        return max(self, other, key=lambda policy: (policy.set_at, policy.event_id))


@dataclass(slots=True)
class PurseModel:
    """`paid` and `held` count by month and payer; the payer '' is all tenants together."""

    budget_of_all: float
    policies: dict[str, ModelPolicy] = field(default_factory=dict)
    paid: defaultdict[tuple[Month, str], float] = field(default_factory=lambda: defaultdict(float))
    held: dict[int, tuple[Month, str, float]] = field(default_factory=dict)

    def policy(self, tenant: str) -> ModelPolicy:
        return self.policies.get(tenant, ModelPolicy())

    def says(self, tenant: str, policy: ModelPolicy) -> None:
        self.policies[tenant] = self.policy(tenant).newer(policy)

    def used(self, month: Month, tenant: str) -> float:
        """What was paid in this month, and what calls that began in it hold."""
        holding = sum(usd for begun, payer, usd in self.held.values() if begun == month and tenant in ("", payer))
        return self.paid[month, tenant] + holding

    def forbids(self, month: Month, tenant: str) -> str | None:
        """Why a call of the tenant may not begin, or None."""
        policy = self.policy(tenant)
        if not policy.uses_model:
            return "model_disabled"
        over = policy.budget is not None and self.used(month, tenant) >= policy.budget
        return "budget_exhausted" if over or self.used(month, "") >= self.budget_of_all else None

    def begins(self, call: int, month: Month, tenant: str, usd: float) -> None:
        self.held[call] = (month, tenant, usd)

    def settles(self, call: int, month: Month, usd: float) -> None:
        """Paid in the month in which it is known."""
        _, tenant, _ = self.held.pop(call)
        self.pays(month, tenant, usd)

    def pays(self, month: Month, tenant: str, usd: float) -> None:
        self.paid[month, tenant] += usd
        self.paid[month, ""] += usd
