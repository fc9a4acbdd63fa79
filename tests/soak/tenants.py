"""The tenants of a run and what each of them wants."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

POLICY = "tenant.policy_set.v1"
NAMES = ("amber", "birch", "cedar", "dune")
"""Of them every one has another policy; further tenants begin again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A customer organisation."""

    tenant_id: str
    wish: str
    """`budget`, `german`, `off` or `plain`."""
    budget_usd: float | None = None

    @property
    def tag(self) -> str:
        """A word in all its titles, which stands in every prompt about its sessions."""
        return f"Kwarz{self.tenant_id}"

    def policy(self, chance: random.Random) -> Mapping[str, Any]:
        """One that this tenant may set at any time: its promise to itself never changes."""
        footer = {"note_footer": f"Rate it: {{package_id}} {chance.randrange(100)}"} if chance.random() < 0.7 else {}
        match self.wish:
            case "budget":
                return {"monthly_budget_usd": self.budget_usd, **footer}
            case "german":
                return {"language": chance.choice(["de", "de", "en"]), **footer}
            case "off":
                return {"model": "off", **footer}
            case _:
                return footer


def tenants(number: int, *, budget_usd: float) -> list[Tenant]:
    """The first has a budget, the second wants German, the third no model, the fourth nothing special."""
    wishes = ("budget", "german", "off", "plain")
    made = []
    for place in range(number):
        wish, again = wishes[place % len(wishes)], place // len(wishes)
        name = NAMES[place % len(NAMES)] + (str(again) if again else "")
        made.append(Tenant(tenant_id=name, wish=wish, budget_usd=budget_usd if wish == "budget" else None))
    return made


def policy_event(tenant: Tenant, chance: random.Random) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"policy-{chance.getrandbits(64):x}",
        "source": "/soak",
        "type": POLICY,
        "subject": tenant.tenant_id,
        "time": datetime.now(UTC).isoformat(),
        "data": dict(tenant.policy(chance)),
    }
