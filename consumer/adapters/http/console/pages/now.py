"""*Now*: what needs attention first. While the database is away, what this replica knows by itself is shown."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from consumer.adapters.http.console.links import dead_letters_url, requests_url
from consumer.adapters.http.console.readers import Readers, ReplicaFigures
from consumer.adapters.http.console.telling import say_count, say_share, say_span, say_usd
from consumer.adapters.http.console.visit import Visit
from consumer.errors import Transient
from consumer.flows.operation.meters import Meter
from consumer.flows.viewing.present import Present

LIVE = "/live/now"
SOON_SECONDS = 30.0
RECENT_SECONDS = 86_400.0
NEARLY = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionItem:
    """A line that somebody should read first."""

    tone: str
    what: str
    text: str
    seconds: float | None = None
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFigure:
    """A figure in a box."""

    name: str
    value: str
    tone: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLag:
    partition: str
    records: float
    seconds: float | None


async def show_now(visit: Visit) -> web.Response:
    return visit.page("now.html", live=LIVE, **await look_now(visit.readers))


async def look_now(readers: Readers) -> dict[str, Any]:
    """The values of the live part."""
    try:
        tables = await readers.present.present()
    except Transient:
        tables = None
    return {
        "tables": tables is not None,
        "attention": _attention(readers, tables),
        "waiting": _waiting(readers.figures, tables),
        "spend": _spend(tables),
        "near": tables.near_deadline if tables is not None else (),
        "dead_letters": tables.dead_letters if tables is not None else (),
        "lags": _lags(readers.figures),
        "partitions": len(readers.figures.values(Meter.LAG_RECORDS)),
    }


def _attention(readers: Readers, tables: Present | None) -> list[AttentionItem]:
    """What stands, the worst and longest first; then what somebody should know of."""
    stuck = sorted(readers.health.stuck(), key=lambda entry: (not entry.blocking, -entry.seconds))
    items = [
        AttentionItem(
            tone="bad" if entry.blocking else "warn", what=entry.what, text=entry.reason, seconds=entry.seconds
        )
        for entry in stuck
    ]
    if tables is None:
        return items
    late = [line for line in tables.near_deadline if line.late]
    if late and not any(entry.what == "requests" for entry in stuck):
        text = f"{len(late)} or more have no outcome after their deadline"
        href = requests_url(state="open", order="oldest")
        items.append(AttentionItem(tone="bad", what="late requests", text=text, href=href))
    if tables.budget_usd is not None and tables.month_usd >= tables.budget_usd:
        items.append(AttentionItem(tone="warn", what="budget", text="it is used up for this month: rules draft"))
    recent = [row for row in tables.dead_letters if (tables.at - row.newest_at).total_seconds() < RECENT_SECONDS]
    if recent:
        text = f"records were refused in the last day: {', '.join(row.reason for row in recent)}"
        items.append(AttentionItem(tone="warn", what="dead letters", text=text, href=dead_letters_url()))
    return items


def _waiting(figures: ReplicaFigures, tables: Present | None) -> list[NamedFigure]:
    outbox_age, parked = _figure(figures, Meter.OUTBOX_AGE), _figure(figures, Meter.OUTBOX_PARKED)
    oldest, late = _figure(figures, Meter.OLDEST_PENDING), _figure(figures, Meter.OVERDUE)
    boxes = [
        NamedFigure(name="Open requests", value=say_count(_figure(figures, Meter.OPEN_REQUESTS))),
        NamedFigure(name="Oldest waits for", value=say_span(oldest) if oldest else "nothing waits"),
        NamedFigure(name="Late by 30 s or more", value=say_count(late), tone="bad" if late else ""),
        NamedFigure(name="Work due now", value=say_count(_figure(figures, Meter.DUE_WORK))),
        NamedFigure(
            name="To be published",
            value=say_count(_figure(figures, Meter.OUTBOX_ROWS)),
            tone="warn" if parked else "",
            note=_of_outbox(outbox_age, parked),
        ),
    ]
    if tables is not None:
        away = tables.outage_since is not None
        since = (tables.at - tables.upgrades_since).total_seconds() if tables.upgrades_since else None
        note = "the model is away" if away else f"the oldest for {say_span(since)}" if since is not None else ""
        tone = "warn" if tables.upgrades else ""
        boxes.append(NamedFigure(name="Fallbacks to replace", value=say_count(tables.upgrades), tone=tone, note=note))
    return boxes


def _spend(tables: Present | None) -> list[NamedFigure]:
    if tables is None:
        return []
    budget = tables.budget_usd
    share = tables.month_usd / budget if budget else 0.0
    note = f"{say_share(tables.month_usd, budget)} of {say_usd(budget)}" if budget is not None else "no budget is set"
    tone = "bad" if budget is not None and tables.month_usd >= budget else "warn" if share >= NEARLY else ""
    return [
        NamedFigure(name="Today", value=say_usd(tables.today_usd), note="in UTC"),
        NamedFigure(name="This month", value=say_usd(tables.month_usd), tone=tone, note=note),
        NamedFigure(name="Calls under way", value=say_usd(tables.under_way_usd), note="at most"),
    ]


def _lags(figures: ReplicaFigures) -> list[PartitionLag]:
    """Of partitions in which records wait, the one that is most behind first."""
    seconds = figures.values(Meter.LAG_SECONDS)
    lags = [
        PartitionLag(partition=partition, records=records, seconds=seconds.get(partition))
        for partition, records in figures.values(Meter.LAG_RECORDS).items()
        if records
    ]
    return sorted(lags, key=lambda lag: (-lag.records, lag.partition))


def _figure(figures: ReplicaFigures, meter: Meter) -> float | None:
    return figures.values(meter).get("")


def _of_outbox(age: float | None, parked: float | None) -> str:
    if parked:
        return f"{parked:.0f} are refused by their topic"
    return f"the oldest for {say_span(age)}" if age else ""
