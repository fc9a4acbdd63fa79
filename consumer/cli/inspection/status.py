"""`status`: what needs attention now, from the tables and from the running service."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from consumer.cli import output
from consumer.cli.inspection.narrowing import flat
from consumer.cli.inspection.show import Json
from consumer.errors import Transient

if TYPE_CHECKING:
    from consumer.flows.viewing.overview import Overview
    from consumer.settings import Settings

_ANSWER_SECONDS = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - where a service that listens everywhere is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """What the service says of itself at /readyz."""

    address: str
    ready: bool | None
    """None when nothing answers there."""
    stuck: tuple[dict[str, Any], ...] = ()
    error: str | None = None


def show_overview(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks of --watch.")] = 2.0,
    as_json: Json = False,
) -> None:
    """Show what needs attention now: what stands, what waits, deadlines, refused records, spend, the outbox."""
    from consumer.settings import read_settings

    settings = read_settings()
    if watch:
        try:
            asyncio.run(_watch(settings, every, as_json=as_json))
        except KeyboardInterrupt:
            return
    answer, overview = asyncio.run(_look(settings))
    if as_json:
        output.as_json(_plain(answer, overview))
        return
    for line in _lines(answer, overview):
        output.say(line)


async def _watch(settings: "Settings", every: float, *, as_json: bool) -> None:
    """Outlives a database that is away: this is when somebody looks."""
    with Live(Text(""), auto_refresh=False, screen=False) as live:
        while True:
            try:
                answer, overview = await _look(settings)
            except Transient as error:
                lines = [*_service_lines(await asyncio.to_thread(_ask, settings)), f"The tables: {error}"]
            else:
                if as_json:
                    output.as_json(_plain(answer, overview))
                    await asyncio.sleep(every)
                    continue
                lines = list(_lines(answer, overview))
            live.update(Text("\n".join(lines)), refresh=True)
            await asyncio.sleep(every)


async def _look(settings: "Settings") -> "tuple[ServiceAnswer, Overview]":
    from consumer.wiring.tables import open_viewing

    answer = await asyncio.to_thread(_ask, settings)
    async with open_viewing(settings) as views:
        return answer, await views.overview()


def _ask(settings: "Settings") -> ServiceAnswer:
    """Asks the service of this configuration; another host's is not known here."""
    host = _EVERYWHERE.get(settings.http_host, settings.http_host)
    address = f"http://{host}:{settings.http_port}/readyz"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy of the environment
    try:
        with opener.open(address, timeout=_ANSWER_SECONDS) as response:
            said = json.load(response)
    except urllib.error.HTTPError as error:
        try:
            said = json.load(error)
        except ValueError:
            return ServiceAnswer(address=address, ready=None, error=f"HTTP {error.code}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return ServiceAnswer(address=address, ready=None, error=str(reason))
    if not isinstance(said, dict) or "ready" not in said:
        return ServiceAnswer(address=address, ready=None, error="another program answers there")
    return ServiceAnswer(address=address, ready=bool(said["ready"]), stuck=tuple(said.get("stuck", ())))


def _plain(answer: ServiceAnswer, overview: "Overview") -> dict[str, Any]:
    return {"service": flat(answer), **flat(overview)}


def _lines(answer: ServiceAnswer, overview: "Overview") -> Iterator[str]:
    yield from _service_lines(answer)
    yield from _waiting_lines(overview)
    yield from _trouble_lines(overview)
    spend = overview.spend
    budget = "no budget" if spend.budget_usd is None else f"of ${spend.budget_usd:.2f}"
    yield f"Spend: ${spend.today_usd:.4f} today, ${spend.month_usd:.4f} this month, {budget}."
    if spend.tenants_over:
        yield f"! Budgets of this month are used up: {', '.join(spend.tenants_over)}. Rules draft for them."
    yield f"Packages in the last hour: {overview.packages_last_hour}, {overview.fallbacks_last_hour} of them fallbacks."
    for reading in overview.reading:
        if reading.lag_records:
            yield (
                f"! {reading.partition}: {reading.lag_records} records must be read before waiting requests go on; "
                f"it has not moved for {reading.still_seconds:.0f} s."
            )


def _service_lines(answer: ServiceAnswer) -> Iterator[str]:
    if answer.ready is None:
        yield (
            f"The service does not answer at {answer.address} ({answer.error}): what stands in it is not known here. "
            "The rest is from the tables."
        )
        return
    yield f"The service at {answer.address} is {'ready' if answer.ready else 'NOT ready'}."
    for stuck in answer.stuck:
        yield f"! {stuck.get('what')} stands since {stuck.get('since')}: {stuck.get('reason')}"


def _waiting_lines(overview: "Overview") -> Iterator[str]:
    from consumer.flows.viewing.overview import NEAR_SECONDS
    from consumer.flows.viewing.waiting import moment

    waiting = overview.waiting
    oldest = "" if waiting.oldest_seconds is None else f", the oldest for {waiting.oldest_seconds:.0f} s"
    yield (
        f"Open requests: {waiting.open_requests}{oldest}; due: {waiting.due}; being drafted: {waiting.leased}; "
        f"with a still clock: {waiting.with_still_clock}."
    )
    if waiting.near_deadline:
        yield f"! Deadlines that are over or within {NEAR_SECONDS:.0f} s:"
    for request in waiting.near_deadline:
        at = moment(request.deadline_at) if request.deadline_at else "-"
        yield f"  {at}  {'/'.join(request.key)}  {request.ticket or 'no ticket'}: {request.waits_for}"
    if waiting.ahead:
        yield "! Requests that are ahead of their session:"
    for request in waiting.ahead:
        yield f"  {'/'.join(request.key)}  {request.ticket or 'no ticket'}: {request.waits_for}"
    upgrades = overview.upgrades
    if upgrades.waiting:
        oldest = "" if upgrades.oldest_seconds is None else f", the oldest for {upgrades.oldest_seconds:.0f} s"
        yield f"Fallbacks that wait for a draft by the model: {upgrades.waiting}{oldest}."


def _trouble_lines(overview: "Overview") -> Iterator[str]:
    from consumer.flows.viewing.overview import DEAD_LETTER_HOURS
    from consumer.flows.viewing.waiting import moment

    if overview.outage is not None:
        outage = overview.outage
        again = moment(outage.next_probe_at)
        yield f"! The model is away since {moment(outage.since)} ({outage.reason}); asked next at {again}."
    refused = ", ".join(f"{each.count} {each.reason.value}" for each in overview.dead_letters)
    yield f"Refused records in the last {DEAD_LETTER_HOURS} h: {refused or 'none'}."
    outbox = overview.outbox
    oldest = "" if outbox.oldest_seconds is None else f", the oldest for {outbox.oldest_seconds:.0f} s"
    leader = f"published by {outbox.leader}" if outbox.leader else "! no process publishes"
    yield f"Outbox: {outbox.waiting} events wait{oldest}; {leader}."
    if outbox.parked:
        yield f"! Kafka refuses {outbox.parked} of them: {outbox.refusal}"
