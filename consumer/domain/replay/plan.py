"""The plan of a replay: the requests whose packages would change, and the estimated cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from consumer.domain.cost import estimates, prices
from consumer.domain.cost.estimates import Yardstick
from consumer.domain.cost.prices import Price
from consumer.domain.cost.usage import total_usage
from consumer.domain.replay.weighing import DraftSource, PlanItem, Weighed, Why

CALL_SECONDS = 10.0
"""The seconds that most answers take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a plan: counts of what was found, and estimates."""

    sessions: int
    requests: int
    changed: int
    """Packages that would get another draft, new or stored."""
    rendered: int
    """Packages that would change without the model, from stored drafts."""
    why: dict[str, int]
    sources: dict[str, int]
    model_calls: int
    usage: dict[str, int]
    price_usd: float | None
    """None if the model's price is unknown."""
    seconds: float
    """The estimated time, with as many calls at once as this process may make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    model: str
    price: Price | None
    figures: Figures
    items: tuple[PlanItem, ...]


def plan_of(
    weighed: Sequence[Weighed], *, model_name: str, sessions: int, requests: int, calls_at_once: int, at: datetime
) -> Plan:
    """The plan for requests that were weighed, at the prices that hold `at` that time.

    `sessions` and `requests` say how many were looked at in all.
    """
    price = prices.price_of(model_name, at=at)
    yardstick = estimates.yardstick(request.measured for request in weighed if request.measured is not None)
    items = tuple(_priced(request, yardstick, price) for request in weighed if request.item.why)
    changed = [item for item in items if item.source is not None]
    calls = [item for item in changed if item.source is DraftSource.CALL]
    usage = total_usage(item.usage for item in calls)
    figures = Figures(
        sessions=sessions,
        requests=requests,
        changed=len(changed),
        rendered=sum(item.renders for item in items),
        why={why.value: sum(why in item.why for item in items) for why in Why},
        sources={source.value: sum(item.source is source for item in items) for source in DraftSource},
        model_calls=len(calls),
        usage=usage.model_dump(),
        price_usd=None if price is None else sum((item.estimate_usd for item in calls), 0.0),
        seconds=CALL_SECONDS * len(calls) / calls_at_once,
    )
    return Plan(model=model_name, price=price, figures=figures, items=items)


def _priced(weighed: Weighed, yardstick: Yardstick, price: Price | None) -> PlanItem:
    if weighed.item.source is not DraftSource.CALL:
        return weighed.item
    usage = yardstick.call(weighed.characters)
    return replace(weighed.item, usage=usage, estimate_usd=0.0 if price is None else price.of(usage))
