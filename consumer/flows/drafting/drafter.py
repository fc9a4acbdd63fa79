"""A draft for a bundle: one that the ledger holds, else one that is paid for, once.

Before every call the drafter looks again whether its claim still stands and whether the model is away, unless it has
just been told. So neither a process that was stopped for long, nor one that has not heard of an outage yet, calls on
its own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import SystemRandom

import structlog

from consumer.domain.writing.ledger import Declined, LedgerEntry
from consumer.errors import EscalationError, Transient
from consumer.flows.drafting.attempt import Away, DraftAttempt, Drafted, DraftOutcome, Forbidden, Lost, Stopped
from consumer.flows.drafting.calls.accounting import AccountedModel, Accounts, Payer
from consumer.flows.drafting.calls.calling import NoRetryLeft, Unwritten
from consumer.flows.drafting.calls.choice import ModelChoice
from consumer.flows.drafting.calls.dialogue import ModelDialogue, Written
from consumer.flows.drafting.calls.pace import LONGEST_RETRY_AFTER_SECONDS, Pace
from consumer.flows.drafting.model import CallForbidden, Model, ModelAway, ModelLocked, PromptRefused
from consumer.flows.drafting.ports import Busy, Claim, Doubted, Doubts, DraftLedger, Outages, Suspect
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meters
from consumer.flows.pacing import insist
from schemas.packages import Caution

BUSY_SECONDS = (0.1, 1.0)
"""The first and the longest pause between looks at a draft that another worker is making."""
FRESH_SECONDS = 1.0
"""For so long a claim stands as it was made. Less than any lease, and than an outage takes to be heard of."""

log = structlog.stdlib.get_logger("escalation.drafting")

_random = SystemRandom()


class Drafter:
    """Obtains drafts from the ledger or the model. `held` are the claims that have to be kept alive."""

    def __init__(
        self,
        *,
        model: Model,
        accounts: Accounts,
        choice: ModelChoice,
        ledger: DraftLedger,
        outages: Outages,
        doubts: Doubts,
        pace: Pace,
        provider: str,
        probe_seconds: float,
        health: Health,
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        """`provider` is where the model is called.

        `probe_seconds` is the shortest time from the beginning of an outage to the first probe.
        """
        self._model = model
        self._accounts = accounts
        self._choice = choice
        self._ledger = ledger
        self._outages = outages
        self._doubts = doubts
        self._pace = pace
        self._provider = provider
        self._probe_seconds = probe_seconds
        self._health = health
        self._meters = meters
        self._clock = clock
        self.held: set[Claim] = set()

    async def obtain(self, attempt: DraftAttempt) -> DraftOutcome:
        """Waits for as long as it takes: a caller in a hurry goes on without it. Raises Transient."""
        match await self._claim(attempt):
            case LedgerEntry() as entry:
                return Drafted(entry=entry)
            case Declined() as declined:
                return declined
            case Doubted():
                return Away(doubted=True)
            case Claim() as claim:
                async with self._holding(attempt, claim) as held, self._accounted(attempt) as model:
                    outcome = await self._draft(attempt, claim, model)
                    return await self._settle(attempt, held, outcome)

    async def _claim(self, attempt: DraftAttempt) -> Claim | LedgerEntry | Declined | Doubted:
        """Waits while another worker makes the draft."""
        pause, longest = BUSY_SECONDS
        while True:
            # Hazard: a claim runs out while this process stands still or the database is away; its own call goes on.
            if not any(claim.key == attempt.key for claim in self.held):
                attempt.claimed_at = self._clock()
                known = await self._ledger.claim_draft(
                    attempt.key, drafted_for=attempt.drafted_for, force=attempt.force
                )
                if not isinstance(known, Busy):
                    return known
            await asyncio.sleep(_random.uniform(pause / 2, pause))
            pause = min(2 * pause, longest)

    @asynccontextmanager
    async def _holding(self, attempt: DraftAttempt, claim: Claim) -> AsyncIterator["_Held"]:
        """Keeps the claim alive, and gives it back unless it was settled."""
        held = _Held(claim)
        attempt.claim = claim
        self.held.add(claim)
        try:
            yield held
        finally:
            attempt.claim = None
            try:
                if not held.settled:
                    await self._give_back(claim)
            finally:  # hazard: a second cancellation; what stays here is renewed for ever, and nobody can draft
                self.held.discard(claim)

    async def _give_back(self, claim: Claim) -> None:
        try:
            await self._ledger.release_draft(claim)
        except Transient as error:
            log.warning(
                "A claim could not be given back; it runs out.", event_name="claim_not_released", error=str(error)
            )

    def _accounted(self, attempt: DraftAttempt) -> AccountedModel:
        return AccountedModel(
            model=self._model,
            accounts=self._accounts,
            payer=lambda: Payer(attempt.key.session, attempt.drafted_for),
            reader_name=self._choice.reader_name,
            now=attempt.now,
            meters=self._meters,
        )

    async def _draft(self, attempt: DraftAttempt, claim: Claim, model: Model) -> DraftOutcome:
        dialogue = attempt.dialogue = ModelDialogue(
            model=model,
            choice=self._choice,
            permit=_Permit(self, attempt, claim),
            pace=self._pace,
            scan=attempt.scan,
            meters=self._meters,
            clock=self._clock,
            left_seconds=attempt.left_seconds,
        )
        try:
            return self._outcome_of(attempt, await dialogue.hold(attempt.bundle))
        except NoRetryLeft:
            return Away(later=True)
        except ModelAway as fault:
            return await self._begin_outage(fault, fault.retry_after_seconds)
        except ModelLocked as fault:
            return await self._begin_outage(fault, None)
        except CallForbidden as fault:
            return Forbidden(fault.caution)
        except EscalationError:
            raise
        except Exception:
            # Once there was an answer, an error that nobody foresaw ends as a bad answer does: it would come again, and
            # be paid for again.
            if not dialogue.calls:
                raise
            log.exception("An answer could not be made a draft.", event_name="draft_fell")
            return Declined(warnings=(Caution.DRAFT_REJECTED,))

    def _outcome_of(self, attempt: DraftAttempt, outcome: Written | Unwritten | Stopped) -> DraftOutcome:
        match outcome:
            case Written():
                return self._drafted(attempt, outcome)
            case Unwritten():
                return Declined(warnings=outcome.warnings)
            case Away() | Lost():
                return outcome

    def _drafted(self, attempt: DraftAttempt, written: Written) -> Drafted:
        return Drafted(
            entry=LedgerEntry(
                provider=self._provider,
                draft=written.accepted.draft.model_dump_json(),
                model=written.answer.model,
                warnings=written.warnings,
                attempts=attempt.spent.calls,
                usage=attempt.spent.usage,
                check=written.check,
                drafted_at=attempt.now(),
                drafted_for=attempt.drafted_for,
            ),
            rendered=written.accepted.rendered,
        )

    async def _settle(self, attempt: DraftAttempt, held: "_Held", outcome: DraftOutcome) -> DraftOutcome:
        """Writes what was paid for into the ledger. Hazard: before anything else is done."""
        claim = held.claim
        match outcome:
            case Drafted():
                if not await insist(lambda: self._ledger.store_draft(claim, outcome.entry, attempt.basis)):
                    return Lost()
                held.settled = True
            case Declined():
                await insist(
                    lambda: self._ledger.decline_draft(claim, outcome.warnings, drafted_for=attempt.drafted_for)
                )
                held.settled = True
            case Away() | Lost() | Forbidden():
                pass
        return outcome

    async def obstacle(self, attempt: DraftAttempt, claim: Claim) -> Stopped | None:
        """What stands in the way of a call for this attempt."""
        away: bool | None = claim.model_away
        if attempt.asked or self._clock() - attempt.claimed_at >= FRESH_SECONDS:
            # Hazard: before a repair there is an answer already, which a restart of the database must not cost.
            away = await insist(lambda: self._ledger.model_away(claim))
        if away is None:
            return Lost()
        attempt.asked = True
        if away and not attempt.probe:
            self.slow_down()
            return Away()
        return None

    def slow_down(self) -> None:
        """The model is away: when it is back, calls begin one at a time."""
        self._pace.restart()

    async def answered(self, attempt: DraftAttempt) -> None:
        """The model answers: the outage that this attempt probed is over."""
        await self._reached(attempt)

    async def refused(self, attempt: DraftAttempt, claim: Claim, refusal: PromptRefused) -> Away:
        """The API does not take the prompt. Nothing is in the ledger before it is known whose fault that is."""
        attempt.refused = True
        reason = f"the model's API refuses one prompt after another: {refusal}"
        suspicion = await insist(
            lambda: self._doubts.refused(
                claim, (Caution.MODEL_REFUSED,), drafted_for=attempt.drafted_for, reason=reason
            )
        )
        match suspicion:
            case Suspect.PROMPT:
                log.warning("The API refuses a prompt.", event_name="prompt_refused", error=str(refusal))
                await self._reached(attempt)
                return Away(doubted=True)
            case Suspect.API:
                self.slow_down()
                self._health.failing("model", reason)
                return Away()

    async def _reached(self, attempt: DraftAttempt) -> None:
        """The API is there."""
        self._health.ok("model")
        if attempt.probe:
            attempt.probe = False
            await insist(self._outages.end_outage)
            await insist(self._outages.wake_upgrades)

    async def _begin_outage(self, fault: Exception, retry_after_seconds: float | None) -> Away:
        self.slow_down()
        self._health.failing("model", str(fault))
        pause = min(retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
        await self._outages.begin_outage(str(fault), probe_in_seconds=max(pause, self._probe_seconds))
        return Away()


@dataclass(slots=True)
class _Held:
    claim: Claim
    settled: bool = False


@dataclass(frozen=True, slots=True)
class _Permit:
    """May this attempt call? A `calling.CallPermit`."""

    drafter: Drafter
    attempt: DraftAttempt
    claim: Claim

    async def obstacle(self) -> Stopped | None:
        return await self.drafter.obstacle(self.attempt, self.claim)

    @property
    def probes(self) -> bool:
        return self.attempt.probe

    async def answered(self) -> None:
        await self.drafter.answered(self.attempt)

    async def refused(self, refusal: PromptRefused) -> Stopped:
        return await self.drafter.refused(self.attempt, self.claim, refusal)
