"""A replay's plan: which packages would change, why, and what that would cost. Nothing is published or paid for here.

Sessions are folded and bundled as drafting does it, and compared with what was published last for each request.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from typing import Protocol

from consumer.domain.bundle import bundle
from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost import estimates, prices
from consumer.domain.cost.estimates import Measured, Yardstick
from consumer.domain.cost.prices import Price
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.review import gate
from consumer.domain.session import session
from consumer.domain.writing import markdown, prompt
from consumer.domain.writing.draft import Draft
from consumer.flows.drafting.ports import DraftKey, LastPackage, LedgerEntry, SessionHistory
from schemas.packages import Cause, PackageStatus, Usage

CALL_SECONDS = 10.0
"""What most answers take."""
YIELD_EVERY = 20
"""Requests weighed before others get the event loop."""


class Why(StrEnum):
    """What differs from the last package."""

    BUNDLE = "bundle"
    PROMPT = "prompt"
    MODEL = "model"
    TEXT = "text"
    """Only what code makes of the same draft."""


class DraftSource(StrEnum):
    """Where the draft of a package would come from."""

    CALL = "call"
    SHARED = "shared"
    """The call that another request of the session pays for."""
    LEDGER = "ledger"
    RULES = "rules"
    """The model has declined this bundle; it is not asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which requests; what is not given chooses all. Only requests with a package are looked at."""

    tenants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    since: datetime | None = None
    """The last package was made then or later."""
    until: datetime | None = None
    status: PackageStatus | None = None
    prompt_version: str | None = None
    model: str | None = None
    cause: Cause | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A request with a package."""

    key: RequestKey
    reason: str | None
    last: LastPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDraft:
    """A draft of the ledger: `entry` is None where the model declined."""

    key: DraftKey
    entry: LedgerEntry | None


class PlanSource(Protocol):
    """What is stored; every method raises Transient while the database is away."""

    def candidates(self, chosen: Chosen) -> AsyncIterator[Sequence[Candidate]]:
        """In pieces, ordered by tenant and session."""

    async def history(self, key: SessionKey) -> SessionHistory | None: ...

    async def drafts(self, key: SessionKey) -> list[KnownDraft]:
        """All of the session's, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """A request whose package would change."""

    key: RequestKey
    why: tuple[Why, ...]
    source: DraftSource | None
    """None: with the model there is nothing new; only the text that code makes would differ."""
    renders: bool
    """Whether drafts that are stored make another text already."""
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    """Foretold, of its call."""
    estimate_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was found and what is foretold."""

    sessions: int
    requests: int
    changed: int
    """Packages that the model would change, or drafts it has made."""
    rendered: int
    """Packages that would change without the model, from stored drafts."""
    why: dict[str, int]
    sources: dict[str, int]
    model_calls: int
    usage: dict[str, int]
    price_usd: float | None
    """None: the model's price is not known."""
    seconds: float
    """With so many calls at once as this process may make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    model: str
    price: Price | None
    figures: Figures
    items: tuple[PlanItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A candidate with what a replay would make of it; `characters` are those that a call would send."""

    item: PlanItem
    characters: int
    measured: Measured | None


class Planner:
    def __init__(self, *, shelves: PlanSource, model_name: str, calls_at_once: int) -> None:
        self._shelves = shelves
        self._model_name = model_name
        self._calls_at_once = calls_at_once

    async def plan(self, chosen: Chosen, *, looked_at: Callable[[int], None] = lambda _: None) -> Plan:
        """Looks at every request that was chosen; `looked_at` is told how many at a time. Raises Transient."""
        weighed: list[Weighed] = []
        sessions = requests = 0
        async for piece in self._shelves.candidates(chosen):
            for key, group in groupby(piece, key=lambda one: one.key.session):
                some = list(group)
                sessions += 1
                requests += len(some)
                weighed += await self._weigh(key, some)
                looked_at(len(some))
                if sessions % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        return self._priced(weighed, sessions, requests)

    async def _weigh(self, key: SessionKey, candidates: Sequence[Candidate]) -> list[Weighed]:
        history = await self._shelves.history(key)
        if history is None or history.erased or not history.events:
            return []
        stored = await self._shelves.drafts(key)
        folded = session.fold(key, history.events)
        found: list[Weighed] = []
        paid: set[str] = set()
        for candidate in candidates:
            built = bundle.build(folded, reason=candidate.reason)
            one = weigh(candidate, built, stored, model_name=self._model_name, paid=paid)
            if one.item.source is DraftSource.CALL:
                paid.add(built.sha256)
            found.append(one)
        return found

    def _priced(self, weighed: Sequence[Weighed], sessions: int, requests: int) -> Plan:
        rates = prices.price_of(self._model_name)
        stick = estimates.yardstick(one.measured for one in weighed if one.measured is not None)
        items = tuple(_priced(one, stick, rates) for one in weighed if one.item.why)
        changed = [item for item in items if item.source is not None]
        calls = [item for item in changed if item.source is DraftSource.CALL]
        usage = estimates.total(item.usage for item in calls)
        figures = Figures(
            sessions=sessions,
            requests=requests,
            changed=len(changed),
            rendered=sum(item.renders for item in items),
            why={why.value: sum(why in item.why for item in items) for why in Why},
            sources={source.value: sum(item.source is source for item in items) for source in DraftSource},
            model_calls=len(calls),
            usage=usage.model_dump(),
            price_usd=None if rates is None else rates.of(usage),
            seconds=CALL_SECONDS * len(calls) / self._calls_at_once,
        )
        return Plan(model=self._model_name, price=rates, figures=figures, items=items)


def weigh(
    candidate: Candidate, built: Bundle, stored: Sequence[KnownDraft], *, model_name: str, paid: Iterable[str] = ()
) -> Weighed:
    """What a replay would make of a request: pure. `paid` are digests that another request's call pays for."""
    last = candidate.last
    key = DraftKey(*candidate.key.session, built.sha256, prompt.VERSION, model_name)
    why = tuple(
        name
        for name, differs in (
            (Why.BUNDLE, last.bundle_sha256 != built.sha256),
            (Why.PROMPT, last.prompt_version != prompt.VERSION),
            (Why.MODEL, last.model != model_name),
        )
        if differs
    )
    ledger = next((one for one in stored if one.key == key), None)
    source = _source(why, ledger, last, built, paid)
    if source is None:
        why = ()
    renders = _renders(last, built, stored, key)
    if renders and not why:
        why = (Why.TEXT,)
    characters = len(prompt.user_turn(built, "0" * 16))
    once = (
        one.entry.usage
        for one in stored
        if one.entry is not None and (one.key.bundle_sha256, one.key.model) == (built.sha256, model_name)
        if one.entry.attempts == 1
    )
    usage = next(once, None)
    return Weighed(
        item=PlanItem(key=candidate.key, why=why, source=source, renders=renders),
        characters=characters,
        measured=None if usage is None else Measured(characters=characters, usage=usage),
    )


def _source(
    why: Sequence[Why], ledger: KnownDraft | None, last: LastPackage, built: Bundle, paid: Iterable[str]
) -> DraftSource | None:
    if not why:
        return None
    if ledger is None:
        return DraftSource.SHARED if built.sha256 in paid else DraftSource.CALL
    if ledger.entry is not None:
        return DraftSource.LEDGER
    # What was declined is drafted by rules, which the reader of an equal bundle is not told again.
    return None if last.bundle_sha256 == built.sha256 else DraftSource.RULES


def _renders(last: LastPackage, built: Bundle, stored: Sequence[KnownDraft], key: DraftKey) -> bool:
    text = render_stored(last, built, stored, key)
    return text is not None and sha256(text.markdown.encode()).hexdigest() != last.content_sha256


def render_stored(
    last: LastPackage, built: Bundle, stored: Sequence[KnownDraft], key: DraftKey
) -> markdown.Rendered | None:
    """The text of a stored draft, else that of rules where rules made the last package; None without either."""
    of_bundle = [one for one in stored if one.key.bundle_sha256 == built.sha256 and one.entry is not None]
    chosen = next((one for one in of_bundle if one.key == key), of_bundle[0] if of_bundle else None)
    if chosen is not None and chosen.entry is not None:
        return markdown.render(built, Draft.model_validate_json(chosen.entry.draft))
    return gate.by_rules(built).rendered if last.status is PackageStatus.FALLBACK else None


def _priced(weighed: Weighed, stick: Yardstick, rates: Price | None) -> PlanItem:
    if weighed.item.source is not DraftSource.CALL:
        return weighed.item
    usage = stick.call(weighed.characters)
    return replace(weighed.item, usage=usage, estimate_usd=0.0 if rates is None else rates.of(usage))


def as_document(figures: Figures) -> dict[str, object]:
    return asdict(figures)
