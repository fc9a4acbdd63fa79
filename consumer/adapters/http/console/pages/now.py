"""*Now*: what needs attention first. While the database is away, what this replica knows by itself is shown."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from consumer.adapters.http.console.links import dead_letters_url, request_url, requests_url
from consumer.adapters.http.console.readers import Readers, ReplicaFigures
from consumer.adapters.http.console.telling import say_count, say_share, say_span, say_usd
from consumer.adapters.http.console.visit import Visit
from consumer.errors import Transient
from consumer.flows.operation.meters import Meter
from consumer.flows.viewing.overview import OutboxView, Overview

LIVE = "/live/now"
NEARLY = 0.8
MOST_AHEAD = 5
"""Requests ahead of their session that are named."""


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
    href: str = ""


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
        tables = await readers.views.overview()
    except Transient:
        tables = None
    return {
        "tables": tables,
        "attention": _attention(readers, tables),
        "waiting": _waiting(readers.figures, tables),
        "spend": _spend(tables),
        "near": tables.waiting.near_deadline if tables is not None else (),
        "dead_letters": tables.dead_letters if tables is not None else (),
        "lags": _lags(readers.figures),
        "partitions": len(readers.figures.values(Meter.LAG_RECORDS)),
    }


def _attention(readers: Readers, tables: Overview | None) -> list[AttentionItem]:
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
    late = sum(request.missed_deadline for request in tables.waiting.near_deadline)
    if late and not any(entry.what == "requests" for entry in stuck):
        text = f"{late} have no outcome after their deadline"
        href = requests_url(state="open", order="deadline")
        items.append(AttentionItem(tone="bad", what="late requests", text=text, href=href))
    items += [
        AttentionItem(
            tone="warn",
            what=f"request {request.key.request_id}",
            text=request.waits_for or "",
            seconds=(request.read_at - request.stored_at).total_seconds(),
            href=request_url(*request.key),
        )
        for request in tables.waiting.ahead[:MOST_AHEAD]
    ]
    if tables.outage is not None and not any(entry.what == "model" for entry in stuck):
        seconds = (tables.read_at - tables.outage.since).total_seconds()
        items.append(AttentionItem(tone="warn", what="model", text=tables.outage.reason, seconds=seconds))
    spend = tables.spend
    if spend.budget_usd is not None and spend.month_usd >= spend.budget_usd:
        items.append(AttentionItem(tone="warn", what="budget", text="it is used up for this month: rules draft"))
    if spend.tenants_over:
        text = f"used up for this month, so that rules draft: {', '.join(spend.tenants_over)}"
        items.append(AttentionItem(tone="warn", what="budgets of tenants", text=text, href="/spend"))
    if tables.dead_letters:
        text = f"records were refused in the last day: {', '.join(row.reason for row in tables.dead_letters)}"
        items.append(AttentionItem(tone="warn", what="dead letters", text=text, href=dead_letters_url()))
    return items


def _waiting(figures: ReplicaFigures, tables: Overview | None) -> list[NamedFigure]:
    """Of the tables, which all replicas share; while they are away, what this replica counted last."""
    if tables is None:
        return [
            NamedFigure(name="Open requests", value=say_count(figures.values(Meter.OPEN_REQUESTS).get(""))),
            NamedFigure(name="Work due now", value=say_count(figures.values(Meter.DUE_WORK).get(""))),
            NamedFigure(name="To be published", value=say_count(figures.values(Meter.OUTBOX_ROWS).get(""))),
        ]
    waiting, outbox, upgrades = tables.waiting, tables.outbox, tables.upgrades
    late = sum(request.missed_deadline for request in waiting.near_deadline)
    still = f"{waiting.with_still_clock} wait for older records" if waiting.with_still_clock else ""
    made = tables.packages_last_hour
    by_rules = f"{tables.fallbacks_last_hour} by rules" if made else ""
    return [
        NamedFigure(
            name="Open requests",
            value=say_count(waiting.open_requests),
            note=still,
            href=requests_url(state="open", order="oldest"),
        ),
        NamedFigure(
            name="Oldest waits for",
            value=say_span(waiting.oldest_seconds) if waiting.open_requests else "nothing waits",
        ),
        NamedFigure(
            name="Late",
            value=say_count(late),
            tone="bad" if late else "",
            href=requests_url(state="open", order="deadline"),
        ),
        NamedFigure(name="Work due now", value=say_count(waiting.due), note=f"{waiting.leased} under way"),
        NamedFigure(
            name="To be published",
            value=say_count(outbox.waiting),
            tone="warn" if outbox.parked or outbox.leader is None else "",
            note=_of_outbox(outbox),
        ),
        NamedFigure(
            name="Fallbacks to replace",
            value=say_count(upgrades.waiting),
            tone="warn" if upgrades.waiting else "",
            note=f"the oldest for {say_span(upgrades.oldest_seconds)}" if upgrades.waiting else "",
        ),
        NamedFigure(name="Packages, last hour", value=say_count(made), note=by_rules),
    ]


def _spend(tables: Overview | None) -> list[NamedFigure]:
    if tables is None:
        return []
    spend = tables.spend
    budget = spend.budget_usd
    share = spend.month_usd / budget if budget else 0.0
    note = f"{say_share(spend.month_usd, budget)} of {say_usd(budget)}" if budget is not None else "no budget is set"
    tone = "bad" if budget is not None and spend.month_usd >= budget else "warn" if share >= NEARLY else ""
    return [
        NamedFigure(name="Today", value=say_usd(spend.today_usd)),
        NamedFigure(name="This month", value=say_usd(spend.month_usd), tone=tone, note=note),
        NamedFigure(name="Calls under way", value=say_usd(spend.held_usd), note="at most"),
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


def _of_outbox(outbox: OutboxView) -> str:
    if outbox.parked:
        return f"{outbox.parked} are refused: {outbox.refusal}"
    if outbox.leader is None:
        return "nobody publishes"
    return f"the oldest for {say_span(outbox.oldest_seconds)}" if outbox.waiting else ""
