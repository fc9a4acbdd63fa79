"""What a package is built from, why there is one, and how it is packed: all that is decided without waiting."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.package import package
from consumer.domain.package.package import Note, Package, Revision, Sender
from consumer.domain.writing import prompt
from consumer.domain.writing.markdown import Rendered
from consumer.flows.drafting.ports import Basis, DraftKey, Work
from schemas.packages import Cause, Caution, PackageStatus, Provenance, TicketReference, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseClock:
    """A piece of work in hand: the database's clock, carried on by the local monotonic one."""

    work: Work
    began: float
    clock: Callable[[], float]

    @property
    def elapsed_seconds(self) -> float:
        return self.clock() - self.began

    @property
    def now(self) -> datetime:
        return self.work.taken_at + timedelta(seconds=self.elapsed_seconds)

    @property
    def left_seconds(self) -> float | None:
        """Until the first package has to be decided."""
        deadline = self.work.deadline_in_seconds
        return None if deadline is None else max(deadline - self.elapsed_seconds, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageInput:
    """A piece of work with all that its package is built from."""

    stint: LeaseClock
    bundle: Bundle
    version: int
    event_count: int
    ticket: TicketReference | None
    basis: Basis
    key: DraftKey
    cause: Cause
    behind: bool
    """The version that was asked for is not there, and will not be waited for."""

    @property
    def work(self) -> Work:
        return self.stint.work

    @property
    def same_as_last(self) -> bool:
        return self.work.last is not None and self.work.last.bundle_sha256 == self.bundle.sha256

    @property
    def destined(self) -> str:
        return f"{self.work.key.request_id}/{self.work.next_revision}"

    @property
    def publishes(self) -> bool:
        return self.work.terms is None or self.work.terms.publishes

    @property
    def calls_model(self) -> bool:
        return self.work.terms is None or self.work.terms.calls_model

    @property
    def force(self) -> bool:
        return self.work.force and self.cause in {Cause.REQUEST, Cause.UPGRADE}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageText:
    """A draft as it is to be published, and how it came about."""

    rendered: Rendered
    status: PackageStatus
    model: str | None
    """Null for rules."""
    prompt_version: str
    warnings: tuple[str, ...]
    attempts: int
    usage: Usage
    drafted_at: datetime
    reused: bool


def cause_of(work: Work, built: Bundle, model_name: str | None) -> Cause | None:
    """Why there will be a revision; None when there is nothing new to say."""
    if work.last is None:
        return Cause.REQUEST
    same = work.last.bundle_sha256 == built.sha256
    if work.cause is Cause.REPLAY:
        if work.terms is not None and not work.terms.calls_model:
            return Cause.REPLAY  # whether the text differs is seen once it is made
        drafted = (work.last.bundle_sha256, work.last.prompt_version, work.last.model)
        return None if drafted == (built.sha256, prompt.VERSION, model_name) else Cause.REPLAY
    if work.upgrade_wanted and model_name is not None and (same or work.cause is Cause.UPGRADE):
        return Cause.UPGRADE
    return None if same or work.cause is Cause.UPGRADE else Cause.STATE_CHANGED


def note_of(work: Work, ticket: TicketReference | None) -> Note:
    return Note(key=work.key, requested_state_version=work.requested_state_version, ticket=ticket, trace=work.trace)


def pack(sender: Sender, case: PackageInput, text: PackageText) -> Package:
    """The next revision of the request's note."""
    last = case.work.last
    note = note_of(case.work, case.ticket)
    by_rules = text.status is PackageStatus.FALLBACK
    warnings = list(text.warnings)
    if case.behind:
        warnings.append(Caution.STATE_BEHIND_REQUEST)
    if case.bundle.truncated or text.rendered.truncated:
        warnings.append(Caution.TRUNCATED_INPUT)
    return package.ready(
        sender,
        note,
        Revision(
            number=case.work.next_revision,
            cause=Cause.STATE_CHANGED if by_rules and case.cause is Cause.UPGRADE else case.cause,
            replay_id=case.work.replay_id,
            supersedes=None if last is None else package.package_id(note.note_key, last.revision),
            previous_ticket=None if last is None else last.ticket,
            state_version=case.version,
        ),
        text.rendered,
        status=text.status,
        from_cache=text.reused,
        provenance=Provenance(
            bundle_sha256=case.bundle.sha256,
            event_count=case.event_count,
            prompt_version=text.prompt_version,
            model=text.model,
            drafted_at=text.drafted_at,
            attempts=text.attempts,
            usage=text.usage,
        ),
        redactions=case.bundle.redactions,
        warnings=warnings,
        at=case.stint.now,
    )
