"""One piece of work, from its lease to its final transaction: what to build from, which draft, what to publish.

Everything that was learned is compared again where it counts, under the locks of the final transaction; nothing here
assumes that the lease, the request or the session is still what it was.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum

import structlog

from consumer.domain.bundle import bundle
from consumer.domain.events import SessionKey
from consumer.domain.package import package
from consumer.domain.package.package import Sender
from consumer.domain.review.checks import Scan
from consumer.domain.session import session
from consumer.domain.writing import prompt
from consumer.flows.drafting.case import LeaseClock, PackageInput, cause_of
from consumer.flows.drafting.drafter import Away, DraftAttempt, Drafted, Drafter, DraftOutcome, Lost, insist
from consumer.flows.drafting.finishing import Finishing, Redo
from consumer.flows.drafting.ports import (
    NOTHING_SPENT,
    Basis,
    Cache,
    Declined,
    Desk,
    DraftKey,
    LedgerEntry,
    Replayed,
    SessionHistory,
    Work,
)
from consumer.flows.operation.meters import Meter, Meters
from schemas.packages import Cause, Caution, FailureReason, PackageStatus

WAITING_AGAIN_SECONDS = 1.0
"""An upgrade whose draft somebody else is making looks again so much later."""

log = structlog.stdlib.get_logger("escalation.drafting")


class ModelUse(StrEnum):
    """What this work may do with the model."""

    CALL = "call"
    PROBE = "probe"
    """Call, to see whether it is back."""
    LATER = "later"
    """It is away, or there is no time: rules now, and an upgrade."""
    NEVER = "never"
    """There is no key."""


class Worker:
    """Does one piece of work at a time, any number at once."""

    def __init__(
        self,
        *,
        desk: Desk,
        cache: Cache,
        drafter: Drafter | None,
        sender: Sender,
        model_name: str,
        late_answer_seconds: float,
        scan: Callable[[SessionKey], Scan],
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        """`late_answer_seconds`: after so long an upgrade is due even if nobody reported its draft."""
        self._desk = desk
        self._cache = cache
        self._drafter = drafter
        self._finishing = Finishing(desk=desk, cache=cache, sender=sender, meters=meters)
        self._model_name = model_name
        self._late_answer_seconds = late_answer_seconds
        self._scan = scan
        self._meters = meters
        self._clock = clock

    async def do(self, work: Work, use: ModelUse) -> None:
        """Returns when the lease has ended, one way or another. Raises Transient and Redo, and what nobody foresaw."""
        if work.terms is not None and not work.terms.stands:
            await self._let_go(work)
            return
        case = await self._open(LeaseClock(work=work, began=self._clock(), clock=self._clock), use)
        if case is None:
            return
        if not case.calls_model:
            await self._from_stored(case)
        elif use in {ModelUse.CALL, ModelUse.PROBE} and self._drafter is not None:
            await self._with_model(self._drafter, case, use)
        else:
            await self._without_model(case, use)

    async def _let_go(self, work: Work) -> None:
        """Work of a replay that goes on no longer. News that it would have covered is looked at later."""
        again = 0.0 if work.upgrade_wanted else None
        finish = await self._desk.finish_unchanged(
            work, None, upgrade_in_seconds=again, untold=True, replayed=Replayed.PLANNED
        )
        await self._finishing.finished(work, finish)

    async def give_up(self, work: Work, detail: str) -> None:
        """Ends work that cannot be done: a first package fails, a revision is left out."""
        if work.last is not None:
            await self._desk.finish_unchanged(work, None, upgrade_in_seconds=None, replayed=Replayed.FAILED)
            return
        history = await self._desk.history(work.key.session)
        ticket = None if history is None else history.ticket
        await self._finishing.fail(work, ticket, FailureReason.UNPROCESSABLE, detail, work.taken_at)

    # what it is about

    async def _open(self, stint: LeaseClock, use: ModelUse) -> PackageInput | None:
        """None when the work has ended already: there is nothing to build from, or nothing new."""
        work = stint.work
        history = await self._desk.history(work.key.session)
        if history is not None and history.erased:
            await self._after_erasure(stint, history)
            return None
        if history is None or not history.events:
            await self._without_session(stint)
            return None
        folded = session.fold(work.key.session, history.events)
        version = history.events[-1].version
        behind = work.requested_state_version is not None and version < work.requested_state_version
        if behind and work.last is None and not work.waited:
            await self._desk.wait_for_state(work)
            return None
        built = bundle.build(folded, reason=work.reason)
        basis = Basis(arrivals=history.arrivals, secrets=history.secrets)
        cause = cause_of(work, built, None if use is ModelUse.NEVER else self._model_name)
        if cause is None:
            again = 0.0 if work.upgrade_wanted and use is not ModelUse.NEVER else None
            await self._finishing.finished(
                work, await self._desk.finish_unchanged(work, basis, upgrade_in_seconds=again)
            )
            return None
        return PackageInput(
            stint=stint,
            bundle=built,
            version=version,
            event_count=len(history.events),
            ticket=package.ticket_reference(folded.psa_ticket),
            basis=basis,
            key=DraftKey(*work.key.session, built.sha256, prompt.VERSION, self._model_name),
            cause=cause,
            behind=behind,
        )

    async def _without_session(self, stint: LeaseClock) -> None:
        if not stint.work.waited:
            await self._desk.wait_for_state(stint.work)
            return
        detail = "No event of this session has arrived. Check the session id and the tenant, then request again."
        await self._finishing.fail(stint.work, None, FailureReason.SESSION_NOT_FOUND, detail, stint.now)

    async def _after_erasure(self, stint: LeaseClock, history: SessionHistory) -> None:
        detail = "The session was erased; nothing of it is kept."
        await self._finishing.fail(stint.work, history.ticket, FailureReason.SESSION_ERASED, detail, stint.now)

    # which draft

    async def _with_model(
        self,
        drafter: Drafter,
        case: PackageInput,
        use: ModelUse,
    ) -> None:
        if not case.force and (entry := await self._cache.get(case.key, case.version)) is not None:
            self._meters.count(Meter.DRAFTS_REUSED, label="cache")
            await self._settle(case, Drafted(entry=entry), None)
            return
        errand = DraftAttempt(
            key=case.key,
            bundle=case.bundle,
            basis=case.basis,
            scan=self._scan(case.work.key.session),
            drafted_for=case.destined,
            now=lambda: case.stint.now,
            force=case.force,
            probe=use is ModelUse.PROBE,
        )
        obtaining = asyncio.create_task(drafter.obtain(errand), name="obtain")
        try:
            await asyncio.wait({obtaining}, timeout=case.stint.left_seconds)
            if obtaining.done():
                await self._settle(case, obtaining.result(), errand)
            else:
                await self._answer_late(case, obtaining, errand)
        finally:
            obtaining.cancel()
            await asyncio.gather(obtaining, return_exceptions=True)

    async def _answer_late(
        self,
        case: PackageInput,
        obtaining: "asyncio.Task[DraftOutcome]",
        errand: DraftAttempt,
    ) -> None:
        """The deadline came first: a fallback goes out in time, and the answer, when it comes, becomes the upgrade."""
        calling = errand.claim is not None
        errand.drafted_for = f"{case.work.key.request_id}/{case.work.next_revision + 1}"
        again = self._late_answer_seconds if calling else WAITING_AGAIN_SECONDS
        # Hazard: a call that began meanwhile is paid for, too, and must not be cut off by the return.
        try:
            await self._finishing.by_rules(case, errand, (Caution.MODEL_UNAVAILABLE,), again)
        except Redo:
            if errand.claim is None:
                raise
            await insist(lambda: self._desk.release(case.work, in_seconds=0.0, counted=False))
        if errand.claim is None and not obtaining.done():
            return
        outcome = await obtaining
        if not isinstance(outcome, Away):
            await insist(lambda: self._desk.hasten_upgrade(case.work.key))

    async def _settle(
        self,
        case: PackageInput,
        outcome: DraftOutcome,
        errand: DraftAttempt | None,
    ) -> None:
        match outcome:
            case Drafted():
                await self._finishing.publish_drafted(case, case.key, outcome.entry)
            case Declined():
                await self._finishing.by_rules(case, errand, outcome.warnings, None)
            case Away() if case.cause is Cause.REPLAY:
                await self._desk.release(case.work, in_seconds=WAITING_AGAIN_SECONDS, counted=False)
            case Away():
                await self._finishing.by_rules(case, errand, (Caution.MODEL_UNAVAILABLE,), WAITING_AGAIN_SECONDS)
            case Lost():
                raise Redo

    async def _without_model(self, case: PackageInput, use: ModelUse) -> None:
        if use is ModelUse.NEVER:
            await self._finishing.by_rules(case, None, (), None)
            return
        known: LedgerEntry | Declined | None = None
        if not case.force:
            known = await self._cache.get(case.key, case.version) or await self._desk.find_draft(case.key)
        match known:
            case LedgerEntry():
                await self._finishing.publish_drafted(case, case.key, known)
            case Declined():
                await self._finishing.by_rules(case, None, known.warnings, None)
            case None:
                await self._finishing.by_rules(case, None, (Caution.MODEL_UNAVAILABLE,), WAITING_AGAIN_SECONDS)

    async def _from_stored(self, case: PackageInput) -> None:
        """A stored draft, of whichever prompt and model, makes the text anew; rules do where they made the last."""
        last = case.work.last
        found = await self._desk.find_any_draft(case.key)
        if found is not None:
            await self._finishing.publish_drafted(case, *found)
        elif last is not None and last.status is PackageStatus.FALLBACK:
            await self._finishing.publish(case, self._finishing.ruled(case, None, ()), None)
        else:
            await self._finishing.leave(case, Replayed.UNCHANGED, NOTHING_SPENT)
