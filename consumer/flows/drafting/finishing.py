"""Ends a piece of work in one transaction: with a package, a failure, or nothing new.

The final transaction notices when the session or the request has changed since the work began. Then it writes nothing:
the work is done again, or it is dropped because the request has ended.
"""

from datetime import datetime

import structlog

from consumer.domain.cost.usage import NOTHING_SPENT, Spent
from consumer.domain.package import package
from consumer.domain.package.package import Sender
from consumer.domain.package.packing import PackageInput, PackageText, note_of, pack
from consumer.domain.reader import versions
from consumer.domain.rendering import markdown
from consumer.domain.request.work import Replayed, Work
from consumer.domain.review import gate
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.errors import EscalationError
from consumer.flows.cache import DraftCache
from consumer.flows.drafting.lease_clock import LeaseClock
from consumer.flows.drafting.ports import Endings, FinishResult
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import insist
from schemas.packages import Cause, Caution, FailureReason, PackageStatus, TicketReference

log = structlog.stdlib.get_logger("escalation.drafting")


class Redo(EscalationError):
    """The records behind the work have changed; it is done again at once."""


class Finishing:
    """Every async method ends the lease, or raises Redo, or Transient when the database is away for too long."""

    def __init__(self, *, endings: Endings, cache: DraftCache, sender: Sender, meters: Meters) -> None:
        self._endings = endings
        self._cache = cache
        self._sender = sender
        self._meters = meters

    async def publish_drafted(
        self,
        given: PackageInput,
        clock: LeaseClock,
        key: DraftKey,
        entry: LedgerEntry,
        rendered: markdown.Rendered | None = None,
    ) -> None:
        """Publishes a draft of the ledger. `key` is the draft's key, whose prompt or model may be another one.

        `rendered` is its text, where it has just been rendered from the same bundle.
        """
        reused = entry.drafted_for != given.drafted_for
        if reused:
            self._meters.count(Meter.DRAFTS_REUSED, label="ledger")
        text = PackageText(
            rendered=rendered or markdown.render(given.bundle, Draft.model_validate_json(entry.draft)),
            status=PackageStatus.READY,
            model=entry.model,
            provider=entry.provider,
            prompt_version=key.prompt_version,
            warnings=entry.warnings,
            attempts=entry.attempts,
            usage=entry.usage,
            check=entry.check,
            drafted_at=entry.drafted_at,
            reused=reused,
        )
        await self._cache.put(key, given.bundle.state_version, entry, writer=given.work.token)
        spent = NOTHING_SPENT if reused else Spent(calls=entry.attempts, usage=entry.usage, checks=entry.checks_usage)
        await self.publish(given, clock, text, draft_model=key.model, spent=spent)

    async def by_rules(
        self,
        given: PackageInput,
        clock: LeaseClock,
        *,
        warnings: tuple[str, ...] = (),
        upgrade_in_seconds: float | None = None,
        spent: Spent = NOTHING_SPENT,
    ) -> None:
        """Publishes a draft by rules, unless the reader has as good a text already.

        `upgrade_in_seconds` is the time until a draft by the model is wanted instead; None: no such draft is wanted.
        """
        if given.same_as_last or (given.cause is Cause.UPGRADE and upgrade_in_seconds is not None):
            # A later upgrade will cover the change, too.
            last_is_fallback = given.work.last is not None and given.work.last.status is PackageStatus.FALLBACK
            again = upgrade_in_seconds if last_is_fallback else None
            await self.unchanged(given, upgrade_in_seconds=again, spent=spent)
            return
        text = self.ruled(given, clock, warnings=warnings, spent=spent)
        await self.publish(given, clock, text, upgrade_in_seconds=upgrade_in_seconds, spent=spent)

    async def forbidden(
        self, given: PackageInput, clock: LeaseClock, caution: Caution, *, spent: Spent = NOTHING_SPENT
    ) -> None:
        """Publishes a draft by rules where no call to a model is allowed, and wants no other one.

        What was drafted before stays: a replay or an upgrade would only put a lesser text in its place.
        """
        if given.cause in {Cause.REPLAY, Cause.UPGRADE}:
            await self.unchanged(given, upgrade_in_seconds=None, spent=spent)
        else:
            await self.by_rules(given, clock, warnings=(caution,), spent=spent)

    @staticmethod
    def ruled(
        given: PackageInput,
        clock: LeaseClock,
        *,
        warnings: tuple[str, ...] = (),
        spent: Spent = NOTHING_SPENT,
    ) -> PackageText:
        """Returns the text of a draft by rules."""
        return PackageText(
            rendered=gate.by_rules(given.bundle).rendered,
            status=PackageStatus.FALLBACK,
            model=None,
            prompt_version=versions.prompts_in(given.bundle.language),
            warnings=warnings,
            attempts=spent.calls,
            usage=spent.usage,
            drafted_at=clock.now,
            reused=False,
        )

    async def publish(
        self,
        given: PackageInput,
        clock: LeaseClock,
        text: PackageText,
        *,
        upgrade_in_seconds: float | None = None,
        draft_model: str | None = None,
        spent: Spent = NOTHING_SPENT,
    ) -> None:
        """Publishes the text as the next revision.

        A replay that does not publish keeps the draft only. A replay that calls no model drops an unchanged text.
        `draft_model` is the model of the draft's key, None for rules.
        """
        packed = pack(self._sender, given, text, at=clock.now)
        last = given.work.last
        if not given.calls_model and last is not None and packed.ready.content_sha256 == last.content_sha256:
            await self.leave(given, Replayed.UNCHANGED, spent)
            return
        if not given.publishes:
            await self.leave(given, Replayed.DRAFTED, spent)
            return
        result = await insist(
            lambda: self._endings.finish_ready(
                given.work,
                packed,
                given.basis,
                draft_model=draft_model,
                upgrade_in_seconds=upgrade_in_seconds,
                spent=spent,
            )
        )
        await self.finished(result)
        if not result.is_written:
            return
        self._meters.count(Meter.PACKAGES, label=text.status.value)
        if given.work.last is None:
            self._meters.observe(Meter.OUTCOME_SECONDS, given.work.age_seconds + clock.elapsed_seconds)

    async def unchanged(
        self,
        given: PackageInput,
        *,
        upgrade_in_seconds: float | None,
        untold: bool = False,
        replayed: Replayed = Replayed.UNCHANGED,
        spent: Spent = NOTHING_SPENT,
    ) -> None:
        """Ends the work without a publication. The arguments are those of `Endings.finish_unchanged`."""
        result = await insist(
            lambda: self._endings.finish_unchanged(
                given.work,
                given.basis,
                upgrade_in_seconds=upgrade_in_seconds,
                untold=untold,
                replayed=replayed,
                spent=spent,
            )
        )
        await self.finished(result)

    async def leave(self, given: PackageInput, replayed: Replayed, spent: Spent = NOTHING_SPENT) -> None:
        """Ends work of a replay without a publication. A waiting upgrade or a change not yet told goes on waiting."""
        again = 0.0 if given.work.upgrade_wanted else None
        untold = not given.same_as_last
        await self.unchanged(given, upgrade_in_seconds=again, untold=untold, replayed=replayed, spent=spent)

    async def finished(self, result: FinishResult) -> None:
        """Acts on the result of a final transaction. Raises Redo for stale work."""
        if result.is_written:
            self._count_late(result)
            return
        if result is FinishResult.STALE:
            raise Redo
        log.info("Nothing was written: the lease was lost or the request has ended.", event_name="work_gone")

    async def fail(
        self, work: Work, ticket: TicketReference | None, reason: FailureReason, detail: str, at: datetime
    ) -> None:
        """Ends the request without a package."""
        publication = package.failed(self._sender, note_of(work, ticket), reason=reason, detail=detail, at=at)
        result = await insist(lambda: self._endings.finish_failed(work, publication, reason))
        if result.is_written:
            self._count_late(result)
            self._meters.count(Meter.PACKAGES, label="failed")
            log.info("A request ended without a package.", event_name="request_failed", reason=reason.value)

    def _count_late(self, result: FinishResult) -> None:
        if result is FinishResult.LATE:
            self._meters.count(Meter.MISSED_DEADLINES)
