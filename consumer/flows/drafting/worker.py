"""One piece of work, from its lease to its final transaction: what to build from, which draft, what to publish.

The final transaction compares everything again, under its locks. Nothing here assumes that the lease, the request or
the session is still what it was.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from secrets import SystemRandom

import structlog

from consumer.domain.bundle import bundle as bundles
from consumer.domain.events import SessionKey
from consumer.domain.package import package
from consumer.domain.package.endings import ERASED_DETAIL
from consumer.domain.package.evidence import references
from consumer.domain.package.package import Sender
from consumer.domain.package.packing import PackageInput
from consumer.domain.reader import versions
from consumer.domain.request.cause import cause_of
from consumer.domain.request.work import Replayed, Work
from consumer.domain.review.violations import Scan
from consumer.domain.session import session
from consumer.domain.writing.ledger import Declined, DraftKey, LedgerEntry
from consumer.errors import Transient
from consumer.flows.cache import DraftCache
from consumer.flows.drafting.attempt import Away, DraftAttempt, Drafted, DraftOutcome, Forbidden, Lost
from consumer.flows.drafting.drafter import Drafter
from consumer.flows.drafting.finishing import Finishing, Redo
from consumer.flows.drafting.lease_clock import LeaseClock
from consumer.flows.drafting.ports import DraftingStores
from consumer.flows.drafting.tracing import Tracing
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import insist
from schemas.packages import Cause, Caution, FailureReason, PackageStatus

CLOCK_LOOK_SECONDS = 1.0
"""How often work at the model whose clock stands asks for it. Less than what the shortest deadline leaves: 3.75 s."""
WAITING_AGAIN_SECONDS = 1.0
"""An upgrade whose draft another worker is making looks again after this time."""
AILING_AGAIN_SECONDS = (10.0, 60.0)
"""A draft whose call failed, and may not be repeated at once, is asked for again after a random time between these."""
REFUSED_AGAIN_SECONDS = 30.0
"""Work of a replay whose prompt was refused during an outage lets other work probe first."""

log = structlog.stdlib.get_logger("escalation.drafting")

_random = SystemRandom()


class ModelUse(StrEnum):
    """What this work may do with the model."""

    CALL = "call"
    PROBE = "probe"
    """Call, to see whether it is back."""
    LATER = "later"
    """It is away, or there is no time: rules now, and an upgrade."""
    SPARED = "spared"
    """It could be called, but this work is suspected of what its processes died of: rules alone, and an upgrade."""
    NEVER = "never"
    """There is no key."""


class Worker:
    """Does one piece of work at a time, any number at once."""

    def __init__(
        self,
        *,
        stores: DraftingStores,
        cache: DraftCache,
        drafter: Drafter | None,
        sender: Sender,
        model_name: str,
        late_answer_seconds: float,
        scan: Callable[[SessionKey], Scan],
        meters: Meters,
        tracing: Tracing,
        clock: Callable[[], float],
    ) -> None:
        """`late_answer_seconds`: after this time an upgrade is due even if nobody has reported its draft."""
        self._queue = stores.queue
        self._ledger = stores.ledger
        self._endings = stores.endings
        self._cache = cache
        self._drafter = drafter
        self._finishing = Finishing(endings=stores.endings, cache=cache, sender=sender, meters=meters)
        self._model_name = model_name
        self._late_answer_seconds = late_answer_seconds
        self._scan = scan
        self._meters = meters
        self._tracing = tracing
        self._clock = clock

    async def do(self, work: Work, use: ModelUse) -> bool:
        """Returns when the lease has ended, one way or another; whether the session could be drafted.

        Raises Transient, Redo for work that is to be done again at once, and what nobody foresaw.
        """
        if work.terms is not None and not work.terms.stands:
            await self._let_go(work)
            return False
        if use is not ModelUse.NEVER:
            await self._cache.admit(work.key.session, work.token)
        clock = LeaseClock(work=work, began=self._clock(), clock=self._clock)
        given = await self._open(work, clock, use)
        if given is None:
            return False
        if not work.policy.uses_model:
            await self._finishing.forbidden(given, clock, Caution.MODEL_DISABLED)
        elif not given.calls_model:
            await self._from_stored(given, clock)
        elif use in {ModelUse.CALL, ModelUse.PROBE} and self._drafter is not None:
            await self._with_model(self._drafter, given, clock, use)
        else:
            await self._without_model(given, clock, use)
        return True

    async def _let_go(self, work: Work) -> None:
        """Work of a replay that no longer goes on. Later work looks at the news that it would have covered."""
        again = 0.0 if work.upgrade_wanted else None
        result = await self._endings.finish_unchanged(
            work, None, upgrade_in_seconds=again, untold=True, replayed=Replayed.PLANNED
        )
        await self._finishing.finished(result)

    async def give_up(self, work: Work, detail: str) -> None:
        """Ends work that cannot be done: a first package fails, a revision is left out. Raises Transient.

        Does not touch the session's events.
        """
        if work.last is not None:
            await self._endings.finish_unchanged(work, None, upgrade_in_seconds=None, replayed=Replayed.FAILED)
            return
        ticket = await self._queue.ticket(work.key.session)
        await self._finishing.fail(work, ticket, FailureReason.UNPROCESSABLE, detail, work.taken_at)

    # what it is about

    async def _open(self, work: Work, clock: LeaseClock, use: ModelUse) -> PackageInput | None:
        """None when the work has ended already: there is nothing to build from, or nothing new."""
        history = await self._queue.history(work.key.session)
        if history is not None and history.erased:
            await self._finishing.fail(work, history.ticket, FailureReason.SESSION_ERASED, ERASED_DETAIL, clock.now)
            return None
        if history is None or not history.events:
            await self._without_session(work, clock)
            return None
        version = history.events[-1].version
        behind = work.requested_state_version is not None and version < work.requested_state_version
        if behind and work.last is None and not work.waited:
            await self._queue.wait_for_state(work)
            return None
        with self._tracing.building():
            folded = session.fold(work.key.session, history.events)
            built = bundles.build(folded, reason=work.reason, language=work.policy.language)
        model_name = None if use is ModelUse.NEVER else self._model_name
        cause = cause_of(
            work, bundle_sha256=built.sha256, prompt_version=versions.prompts_in(built.language), model=model_name
        )
        if cause is None:
            again = 0.0 if work.upgrade_wanted and use is not ModelUse.NEVER else None
            result = await self._endings.finish_unchanged(work, history.basis, upgrade_in_seconds=again)
            await self._finishing.finished(result)
            return None
        return PackageInput(
            work=work,
            bundle=built,
            ticket=package.ticket_reference(folded.psa_ticket),
            basis=history.basis,
            key=DraftKey(*work.key.session, built.sha256, versions.prompts_in(built.language), self._model_name),
            cause=cause,
            references=references(
                folded, history.events, work.key, requested_state_version=work.requested_state_version
            ),
            behind=behind,
        )

    async def _without_session(self, work: Work, clock: LeaseClock) -> None:
        if not work.waited:
            await self._queue.wait_for_state(work)
            return
        detail = "No event of this session has arrived. Check the session id and the tenant, then request again."
        await self._finishing.fail(work, None, FailureReason.SESSION_NOT_FOUND, detail, clock.now)

    # which draft

    async def _with_model(self, drafter: Drafter, given: PackageInput, clock: LeaseClock, use: ModelUse) -> None:
        if not given.force and (entry := await self._cache.get(given.key, given.bundle.state_version)) is not None:
            self._meters.count(Meter.DRAFTS_REUSED, label="cache")
            await self._finishing.publish_drafted(given, clock, given.key, entry)
            return
        attempt = DraftAttempt(
            key=given.key,
            bundle=given.bundle,
            basis=given.basis,
            scan=self._scan(given.work.key.session),
            drafted_for=given.drafted_for,
            now=lambda: clock.now,
            left_seconds=lambda: clock.left_seconds,
            force=given.force,
            probe=use is ModelUse.PROBE,
        )
        obtaining = asyncio.create_task(drafter.obtain(attempt), name="obtain")
        try:
            while clock.stands and not obtaining.done():
                await asyncio.wait({obtaining}, timeout=CLOCK_LOOK_SECONDS)
                await self._look_at_clock(given.work, clock)
            await asyncio.wait({obtaining}, timeout=clock.left_seconds)
            if obtaining.done():
                await self._settle(given, clock, attempt, obtaining.result())
            else:
                await self._answer_late(given, clock, attempt, obtaining)
        finally:
            obtaining.cancel()
            await asyncio.gather(obtaining, return_exceptions=True)

    async def _look_at_clock(self, work: Work, clock: LeaseClock) -> None:
        """Sees whether the request's clock has begun, while work that nobody is to cut off goes on."""
        with suppress(Transient):  # the next look may be answered
            if (left := await self._queue.left_seconds(work)) is not None:
                clock.begin(left)

    async def _answer_late(
        self,
        given: PackageInput,
        clock: LeaseClock,
        attempt: DraftAttempt,
        obtaining: "asyncio.Task[DraftOutcome]",
    ) -> None:
        """The deadline came first: a fallback goes out in time, and the answer, when it comes, becomes the upgrade."""
        calling = attempt.claim is not None
        attempt.drafted_for = f"{given.work.key.request_id}/{given.work.next_revision + 1}"
        again = self._late_answer_seconds if calling else WAITING_AGAIN_SECONDS
        # Hazard: a call that began meanwhile is paid for, too, and must not be cut off by the return.
        try:
            await self._finishing.by_rules(
                given, clock, warnings=(Caution.MODEL_UNAVAILABLE,), upgrade_in_seconds=again, spent=attempt.spent
            )
        except Redo:
            if attempt.claim is None:
                raise
            await insist(lambda: self._queue.release(given.work, in_seconds=0.0, counted=False))
        if attempt.claim is None and not obtaining.done():
            return
        outcome = await obtaining
        if not isinstance(outcome, Away):
            await insist(lambda: self._queue.hasten_upgrade(given.work.key))

    async def _settle(
        self, given: PackageInput, clock: LeaseClock, attempt: DraftAttempt, outcome: DraftOutcome
    ) -> None:
        match outcome:
            case Drafted():
                await self._finishing.publish_drafted(given, clock, given.key, outcome.entry, outcome.rendered)
            case Declined():
                await self._finishing.by_rules(given, clock, warnings=outcome.warnings, spent=attempt.spent)
            case Forbidden(caution=caution):
                await self._finishing.forbidden(given, clock, caution, spent=attempt.spent)
            case Away(doubted=False) if given.cause is Cause.REPLAY:
                again = REFUSED_AGAIN_SECONDS if attempt.refused else self._again_seconds(outcome)
                await self._queue.release(given.work, in_seconds=again, counted=False)
            case Away():
                await self._finishing.by_rules(
                    given,
                    clock,
                    warnings=(Caution.MODEL_REFUSED if outcome.doubted else Caution.MODEL_UNAVAILABLE,),
                    upgrade_in_seconds=self._again_seconds(outcome),
                    spent=attempt.spent,
                )
            case Lost():
                raise Redo

    @staticmethod
    def _again_seconds(away: Away) -> float:
        return _random.uniform(*AILING_AGAIN_SECONDS) if away.later else WAITING_AGAIN_SECONDS

    async def _without_model(self, given: PackageInput, clock: LeaseClock, use: ModelUse) -> None:
        if use is ModelUse.NEVER:
            await self._finishing.by_rules(given, clock)
            return
        if use is ModelUse.SPARED and given.cause is Cause.UPGRADE:  # the model's way is what it was lost on
            await self._finishing.by_rules(given, clock)
            return
        known: LedgerEntry | Declined | None = None
        if not given.force and use is not ModelUse.SPARED:
            version = given.bundle.state_version
            known = await self._cache.get(given.key, version) or await self._ledger.find_draft(given.key)
        match known:
            case LedgerEntry():
                await self._finishing.publish_drafted(given, clock, given.key, known)
            case Declined():
                await self._finishing.by_rules(given, clock, warnings=known.warnings)
            case None:
                await self._finishing.by_rules(
                    given, clock, warnings=(Caution.MODEL_UNAVAILABLE,), upgrade_in_seconds=WAITING_AGAIN_SECONDS
                )

    async def _from_stored(self, given: PackageInput, clock: LeaseClock) -> None:
        """Renders a stored draft anew, of whichever prompt and model; rules write again what they wrote last."""
        last = given.work.last
        stored = await self._ledger.find_any_draft(given.key)
        if stored is not None:
            await self._finishing.publish_drafted(given, clock, *stored)
        elif last is not None and last.status is PackageStatus.FALLBACK:
            await self._finishing.publish(given, clock, self._finishing.ruled(given, clock))
        else:
            await self._finishing.leave(given, Replayed.UNCHANGED)
