"""Makes the next revision of a request's note from a draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.package import package
from consumer.domain.package.package import Note, Package, Revision, Sender
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.request.work import Work
from consumer.domain.session.history import Basis
from consumer.domain.writing.ledger import DraftKey
from schemas.packages import (
    Cause,
    Caution,
    CheckProvenance,
    PackageStatus,
    Provenance,
    RecordReference,
    TicketReference,
    Usage,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageInput:
    """A piece of work, with everything that its package is built from."""

    work: Work
    bundle: Bundle
    ticket: TicketReference | None
    basis: Basis
    key: DraftKey
    """The key of the draft that the work needs."""
    cause: Cause
    references: Mapping[str, RecordReference]
    """What each record of the bundle is for the package's readers, by its id there."""
    behind: bool
    """Whether the package is built without the requested version, because the work no longer waits for it."""

    @property
    def same_as_last(self) -> bool:
        """Whether the last package was built from an equal bundle."""
        return self.work.last is not None and self.work.last.bundle_sha256 == self.bundle.sha256

    @property
    def drafted_for(self) -> str:
        """The revision that a draft is paid for, as the ledger notes it: `<request id>/<revision>`."""
        return f"{self.work.key.request_id}/{self.work.next_revision}"

    @property
    def publishes(self) -> bool:
        return self.work.terms is None or self.work.terms.publishes

    @property
    def calls_model(self) -> bool:
        return self.work.terms is None or self.work.terms.calls_model

    @property
    def force(self) -> bool:
        """Whether cache and ledger are bypassed: for the first package and its upgrade, not for later revisions."""
        return self.work.force and self.cause in {Cause.REQUEST, Cause.UPGRADE}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageText:
    """A rendered draft, and how it came about."""

    rendered: Rendered
    status: PackageStatus
    model: str | None
    """None for a draft by rules."""
    provider: str | None = None
    """Where that model was called."""
    prompt_version: str
    warnings: tuple[str, ...]
    attempts: int
    """Calls to the model, retries included."""
    usage: Usage
    drafted_at: datetime
    reused: bool
    """Whether the draft was paid for by other work."""
    check: CheckProvenance | None = None


def note_of(work: Work, ticket: TicketReference | None) -> Note:
    """The note that this work's outcome belongs to."""
    return Note(key=work.key, requested_state_version=work.requested_state_version, ticket=ticket, trace=work.trace)


def pack(sender: Sender, given: PackageInput, text: PackageText, *, at: datetime) -> Package:
    """The next revision of the request's note; `at` is the database's time of the decision."""
    last = given.work.last
    note = note_of(given.work, given.ticket)
    by_rules = text.status is PackageStatus.FALLBACK
    warnings = list(text.warnings)
    if given.behind:
        warnings.append(Caution.STATE_BEHIND_REQUEST)
    if given.bundle.truncated or text.rendered.truncated:
        warnings.append(Caution.TRUNCATED_INPUT)
    return package.ready(
        sender,
        note,
        Revision(
            number=given.work.next_revision,
            cause=Cause.STATE_CHANGED if by_rules and given.cause is Cause.UPGRADE else given.cause,
            replay_id=given.work.replay_id,
            supersedes=None if last is None else package.package_id(note.note_key, last.revision),
            previous_ticket=None if last is None else last.ticket,
            state_version=given.bundle.state_version,
        ),
        text.rendered,
        references=given.references,
        status=text.status,
        from_cache=text.reused,
        provenance=Provenance(
            bundle_sha256=given.bundle.sha256,
            event_count=given.bundle.event_count,
            prompt_version=text.prompt_version,
            model=text.model,
            drafted_at=text.drafted_at,
            attempts=text.attempts,
            usage=text.usage,
            provider=text.provider,
            check=text.check,
        ),
        redactions=given.bundle.redactions,
        warnings=warnings,
        policy=given.work.policy,
        at=at,
    )
