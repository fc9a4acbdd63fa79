"""A draft for a bundle: what is known already, else one that is paid for, once.

At most one call, one retry and one repair; after a refusal one call to the fallback model in the repair's place. Before
every call the claim and the outage are looked up again, so that neither a process that was stopped for long nor one
that has not heard yet calls on its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import SystemRandom
from typing import TypeVar

import structlog

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review.checks import Scan
from consumer.domain.writing import prompt
from consumer.domain.writing.draft import ANSWER_SCHEMA
from consumer.errors import EscalationError, Transient
from consumer.flows.drafting.dialogue import Judged, ModelDialogue, Unwritten, Written
from consumer.flows.drafting.model import Answer, Call, Model, ModelAway, ModelLocked, PromptRefused, Turn
from consumer.flows.drafting.ports import Basis, Busy, Claim, Declined, Desk, DraftKey, LedgerEntry
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from schemas.packages import Caution, Usage

LONGEST_RETRY_AFTER_SECONDS = 60.0
"""The contract's cap, whatever the API asks for."""
RETRY_SECONDS = (0.5, 2.0)
"""Between these, at random, a call that failed is tried again."""
BUSY_SECONDS = (0.1, 1.0)
"""First and longest pause between looks at a draft that somebody else is making."""
INSIST_SECONDS = (0.2, 2.0)
INSIST_TIMES = 15
"""What has been paid for is not thrown away because the database restarts: about 20 s."""

log = structlog.stdlib.get_logger("escalation.drafting")

_random = SystemRandom()
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class DraftAttempt:
    """A bundle that needs a draft, and what was spent on it so far; can be read while it is under way."""

    key: DraftKey
    bundle: Bundle
    basis: Basis
    scan: Scan
    drafted_for: str
    """May change while the call is under way: a late answer belongs to the next revision."""
    now: Callable[[], datetime]
    force: bool = False
    probe: bool = False
    """This is the one that may call while the model is away; a call that is answered ends the outage."""
    claim: Claim | None = None
    calls: int = 0
    retried: bool = False
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    entry: LedgerEntry


@dataclass(frozen=True, slots=True)
class Away:
    """The model does not answer now."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim was lost, or what the draft was made from is no longer so."""


DraftOutcome = Drafted | Declined | Away | Lost


class Drafter:
    """Obtains drafts from the ledger or the model. `held` are the claims to be kept alive."""

    def __init__(
        self,
        *,
        model: Model,
        desk: Desk,
        model_name: str,
        fallback_model_name: str | None,
        max_tokens: int,
        probe_seconds: float,
        health: Health,
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        self._model = model
        self._desk = desk
        self.model_name = model_name
        self._fallback_model_name = fallback_model_name if fallback_model_name != model_name else None
        self._max_tokens = max_tokens
        self._probe_seconds = probe_seconds
        self._health = health
        self._meters = meters
        self._clock = clock
        self.held: set[Claim] = set()

    async def obtain(self, errand: DraftAttempt) -> DraftOutcome:
        """Waits for as long as it takes: whoever is in a hurry goes on without it. Raises Transient."""
        pause, longest = BUSY_SECONDS
        while isinstance(found := await self._found(errand), Busy):
            await asyncio.sleep(_random.uniform(pause / 2, pause))
            pause = min(2 * pause, longest)
        match found:
            case LedgerEntry():
                return Drafted(entry=found)
            case Declined():
                return found
            case Claim():
                return await self._pay(errand, found)

    async def _found(self, errand: DraftAttempt) -> Claim | LedgerEntry | Declined | Busy:
        # Hazard: claims run out while this process stands still or the database is away; its own calls go on.
        if any(claim.key == errand.key for claim in self.held):
            return Busy()
        return await self._desk.claim_draft(errand.key, drafted_for=errand.drafted_for, force=errand.force)

    async def _pay(self, errand: DraftAttempt, claim: Claim) -> DraftOutcome:
        errand.claim = claim
        self.held.add(claim)
        settled = False
        try:
            outcome = await self._draft_or_decline(errand, claim)
            match outcome:
                case Drafted():
                    # Hazard: before anything else, for from here on it is paid for.
                    if not await insist(lambda: self._desk.store_draft(claim, outcome.entry, errand.basis)):
                        return Lost()
                    settled = True
                case Declined():
                    await insist(
                        lambda: self._desk.decline_draft(claim, outcome.warnings, drafted_for=errand.drafted_for)
                    )
                    settled = True
                case _:
                    pass
            return outcome
        finally:
            errand.claim = None
            if not settled:
                await self._give_back(claim)
            self.held.discard(claim)

    async def _give_back(self, claim: Claim) -> None:
        try:
            await self._desk.release_draft(claim)
        except Transient as error:
            log.warning("A claim runs out by itself.", event_name="claim_not_released", error=str(error))

    async def _draft_or_decline(self, errand: DraftAttempt, claim: Claim) -> DraftOutcome:
        """What nobody foresaw, once there was an answer, ends as a bad answer does: it would fall again, paid again."""
        try:
            return await self._draft(errand, claim)
        except EscalationError:
            raise
        except Exception:
            if not errand.calls:
                raise
            log.exception("An answer could not be made a draft.", event_name="draft_fell")
            return Declined(warnings=(Caution.DRAFT_REJECTED,))

    async def _draft(self, errand: DraftAttempt, claim: Claim) -> DraftOutcome:
        ladder: ModelDialogue[DraftOutcome] = ModelDialogue(
            ask=lambda model_name, turns, max_tokens: self._call(errand, claim, model_name, turns, max_tokens),
            model_name=self.model_name,
            other_model_name=self._fallback_model_name,
            max_tokens=self._max_tokens,
            scan=errand.scan,
        )
        try:
            outcome = await ladder.climb(errand.bundle)
        finally:
            self._count(ladder.judged)
        match outcome:
            case Written():
                return self._drafted(errand, outcome)
            case Unwritten():
                return Declined(warnings=outcome.warnings)
            case _:
                return outcome

    def _count(self, judged: Iterable[Judged]) -> None:
        for violation in (violation for each in judged for violation in each.violations):
            self._meters.count(Meter.VIOLATIONS, label=violation.rule.value)

    def _drafted(self, errand: DraftAttempt, written: Written) -> Drafted:
        return Drafted(
            entry=LedgerEntry(
                draft=written.accepted.draft.model_dump_json(),
                model=written.answer.model,
                warnings=written.warnings,
                attempts=errand.calls,
                usage=errand.usage,
                drafted_at=errand.now(),
                drafted_for=errand.drafted_for,
            )
        )

    async def _call(
        self, errand: DraftAttempt, claim: Claim, model_name: str, turns: tuple[Turn, ...], max_tokens: int
    ) -> Answer | DraftOutcome:
        """One call, and the draft's one retry if it has not been used up."""
        call = Call(
            model=model_name, system=prompt.SYSTEM, turns=turns, answer_schema=ANSWER_SCHEMA, max_tokens=max_tokens
        )
        while True:
            # Hazard: before a repair there is an answer already, which a restart of the database must not cost.
            if not await insist(lambda: self._desk.holds(claim)):
                return Lost()
            if not errand.probe and await insist(self._desk.outage) is not None:
                return Away()
            errand.calls += 1
            try:
                answer = await self._measured(call)
            except ModelAway as fault:
                if errand.probe or errand.retried:
                    return await self._away(fault, fault.retry_after_seconds)
                errand.retried = True
                await asyncio.sleep(retry_in_seconds(fault))
            except ModelLocked as fault:
                if model_name != self.model_name:  # the other model's lock says nothing of this one
                    return Declined(warnings=(Caution.MODEL_REFUSED,))
                return await self._away(fault, None)
            except PromptRefused as fault:
                log.warning("The API does not take a prompt.", event_name="prompt_refused", error=str(fault))
                await self._answers(errand)
                return Declined(warnings=(Caution.MODEL_REFUSED,))
            else:
                errand.usage = _sum(errand.usage, answer.usage)
                await self._answers(errand)
                return answer

    async def _measured(self, call: Call) -> Answer:
        began = self._clock()
        result = "cancelled"
        try:
            answer = await self._model.draft(call)
            result = answer.ending.value
        except (ModelAway, ModelLocked, PromptRefused) as fault:
            result = {ModelAway: "away", ModelLocked: "locked"}.get(type(fault), "prompt_refused")
            raise
        finally:
            self._meters.count(Meter.MODEL_CALLS, label=result)
            self._meters.observe(Meter.MODEL_SECONDS, self._clock() - began)
        for kind, tokens in answer.usage:
            self._meters.count(Meter.MODEL_TOKENS, tokens, label=kind.removesuffix("_tokens"))
        return answer

    async def _answers(self, errand: DraftAttempt) -> None:
        self._health.ok("model")
        if errand.probe:
            errand.probe = False
            await insist(self._desk.end_outage)
            log.info("The model answers again.", event_name="outage_ended")
            await insist(self._desk.wake_upgrades)

    async def _away(self, fault: Exception, retry_after_seconds: float | None) -> Away:
        self._health.failing("model", str(fault))
        log.warning("The model is away; rules draft meanwhile.", event_name="outage", error=str(fault))
        pause = min(retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
        await self._desk.begin_outage(str(fault), probe_in_seconds=max(pause, self._probe_seconds))
        return Away()


def retry_in_seconds(fault: ModelAway) -> float:
    """When to call again: as asked, up to the cap, and a little at random, for others were told the same second."""
    if fault.retry_after_seconds is None:
        return _random.uniform(*RETRY_SECONDS)
    return min(fault.retry_after_seconds + _random.uniform(0.0, RETRY_SECONDS[0]), LONGEST_RETRY_AFTER_SECONDS)


def _sum(left: Usage, right: Usage) -> Usage:
    return Usage(**{name: tokens + getattr(right, name) for name, tokens in left})


async def insist(work: Callable[[], Awaitable[T]]) -> T:
    """Repeats what can be repeated while a store is away; raises Transient when it is away for too long."""
    pause, longest = INSIST_SECONDS
    for _ in range(INSIST_TIMES - 1):
        try:
            return await work()
        except Transient:
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
    return await work()
