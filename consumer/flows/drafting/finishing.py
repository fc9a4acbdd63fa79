"""The end of a piece of work: a package, a failure, or nothing new; in one transaction, after which nothing follows.

What it was built from may have changed meanwhile: the final transaction says so; then it is done again, or was in vain.
"""

from datetime import datetime

import structlog

from consumer.domain.package import package
from consumer.domain.package.package import Sender
from consumer.domain.review import gate
from consumer.domain.writing import markdown, prompt
from consumer.domain.writing.draft import Draft
from consumer.errors import EscalationError
from consumer.flows.drafting.case import PackageInput, PackageText, note_of, pack
from consumer.flows.drafting.drafter import DraftAttempt, insist
from consumer.flows.drafting.ports import (
    NOTHING_SPENT,
    Cache,
    Desk,
    DraftKey,
    FinishResult,
    LedgerEntry,
    Replayed,
    Spent,
    Work,
)
from consumer.flows.operation.meters import Meter, Meters
from schemas.packages import Cause, FailureReason, PackageStatus, TicketReference

log = structlog.stdlib.get_logger("escalation.drafting")


class Redo(EscalationError):
    """What the work was built from is no longer so; it is done again at once."""


class Finishing:
    """Every method ends the lease, or raises Redo, or Transient when the database is away for too long."""

    def __init__(self, *, desk: Desk, cache: Cache, sender: Sender, meters: Meters) -> None:
        self._desk = desk
        self._cache = cache
        self._sender = sender
        self._meters = meters

    async def publish_drafted(self, case: PackageInput, key: DraftKey, entry: LedgerEntry) -> None:
        reused = entry.drafted_for != case.destined
        if reused:
            self._meters.count(Meter.DRAFTS_REUSED, label="ledger")
        text = PackageText(
            rendered=markdown.render(case.bundle, Draft.model_validate_json(entry.draft)),
            status=PackageStatus.READY,
            model=entry.model,
            prompt_version=key.prompt_version,
            warnings=entry.warnings,
            attempts=entry.attempts,
            usage=entry.usage,
            drafted_at=entry.drafted_at,
            reused=reused,
        )
        # Hazard: before the final transaction, for whoever ends the session after it forgets what the cache holds.
        await self._cache.put(key, case.version, entry)
        spent = NOTHING_SPENT if reused else Spent(calls=entry.attempts, usage=entry.usage)
        await self.publish(case, text, None, draft_model=key.model, spent=spent)

    async def by_rules(
        self,
        case: PackageInput,
        errand: DraftAttempt | None,
        warnings: tuple[str, ...],
        upgrade_in_seconds: float | None,
    ) -> None:
        if case.same_as_last or (case.cause is Cause.UPGRADE and upgrade_in_seconds is not None):
            # The reader has as good a text already, or gets the upgrade, which covers what has changed, later.
            last_is_fallback = case.work.last is not None and case.work.last.status is PackageStatus.FALLBACK
            again = upgrade_in_seconds if last_is_fallback else None
            spent = _spent(errand)
            finish = await insist(
                lambda: self._desk.finish_unchanged(case.work, case.basis, upgrade_in_seconds=again, spent=spent)
            )
            await self.finished(case.work, finish)
            return
        await self.publish(case, self.ruled(case, errand, warnings), upgrade_in_seconds, spent=_spent(errand))

    def ruled(self, case: PackageInput, errand: DraftAttempt | None, warnings: tuple[str, ...]) -> PackageText:
        spent = _spent(errand)
        return PackageText(
            rendered=gate.by_rules(case.bundle).rendered,
            status=PackageStatus.FALLBACK,
            model=None,
            prompt_version=prompt.VERSION,
            warnings=warnings,
            attempts=spent.calls,
            usage=spent.usage,
            drafted_at=case.stint.now,
            reused=False,
        )

    async def publish(
        self,
        case: PackageInput,
        text: PackageText,
        upgrade_in_seconds: float | None,
        *,
        draft_model: str | None = None,
        spent: Spent = NOTHING_SPENT,
    ) -> None:
        """`draft_model` is that of the draft's key, null for rules."""
        packed = pack(self._sender, case, text)
        last = case.work.last
        if not case.calls_model and last is not None and packed.ready.content_sha256 == last.content_sha256:
            await self.leave(case, Replayed.UNCHANGED, spent)
            return
        if not case.publishes:
            await self.leave(case, Replayed.DRAFTED, spent)
            return
        finish = await insist(
            lambda: self._desk.finish_ready(
                case.work,
                packed,
                case.basis,
                draft_model=draft_model,
                upgrade_in_seconds=upgrade_in_seconds,
                spent=spent,
            )
        )
        await self.finished(case.work, finish)
        if finish is not FinishResult.DONE:
            return
        self._meters.count(Meter.PACKAGES, label=text.status.value)
        if case.work.last is None:
            self._meters.observe(Meter.OUTCOME_SECONDS, case.work.age_seconds + case.stint.elapsed_seconds)

    async def leave(self, case: PackageInput, became: Replayed, spent: Spent) -> None:
        """Ends work that publishes nothing; what it found waiting, an upgrade or news, waits on."""
        again = 0.0 if case.work.upgrade_wanted else None
        finish = await insist(
            lambda: self._desk.finish_unchanged(
                case.work,
                case.basis,
                upgrade_in_seconds=again,
                untold=not case.same_as_last,
                replayed=became,
                spent=spent,
            )
        )
        await self.finished(case.work, finish)

    async def finished(self, work: Work, finish: FinishResult) -> None:
        if finish is FinishResult.DONE:
            return
        await self._cache.forget(work.key.session)  # it may have been erased, or a draft hold what is secret now
        if finish is FinishResult.STALE:
            raise Redo
        if finish is FinishResult.GONE:
            log.info("Work was ended by somebody else; nothing was written.", event_name="work_gone", **_of(work))

    async def fail(
        self, work: Work, ticket: TicketReference | None, reason: FailureReason, detail: str, at: datetime
    ) -> None:
        publication = package.failed(self._sender, note_of(work, ticket), reason=reason, detail=detail, at=at)
        finish = await insist(lambda: self._desk.finish_failed(work, publication, reason))
        if finish is FinishResult.DONE:
            self._meters.count(Meter.PACKAGES, label="failed")
            log.info(
                "A request ended without a package.", event_name="request_failed", reason=reason.value, **_of(work)
            )


def _spent(errand: DraftAttempt | None) -> Spent:
    return NOTHING_SPENT if errand is None else Spent(calls=errand.calls, usage=errand.usage)


def _of(work: Work) -> dict[str, str]:
    return {"tenant": work.key.tenant_id, "session": work.key.session_id, "request": work.key.request_id}
