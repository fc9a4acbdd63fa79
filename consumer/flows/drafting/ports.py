"""The desk of the drafters: what is to be done, under a lease; what is known of drafts; and the one way to finish.

What replicas must agree on is agreed here, by the database and its clock alone.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from consumer.domain.events import RequestKey, SessionEvent, SessionKey, TraceContext
from consumer.domain.package.package import Package, Publication
from schemas.packages import Cause, FailureReason, PackageStatus, TicketReference, Usage


class Lane(StrEnum):
    """Which of the due work is wanted."""

    MODEL = "model"
    """Live work that is due, upgrades included; by priority, then age."""
    REPLAY = "replay"
    """What is due because of replayed records and planned replays."""
    RULES = "rules"
    """All that is due but upgrades and replays, which wait for a model."""
    URGENT = "urgent"
    """First packages whose deadline is near, whether they are due or wait for something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPackage:
    """What was published last for a request."""

    revision: int
    bundle_sha256: str
    prompt_version: str
    model: str | None
    """Of the draft's key; null for rules."""
    status: PackageStatus
    content_sha256: str
    ticket: TicketReference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTerms:
    """What a planned replay lets its work do."""

    stands: bool
    """Else it was stopped or cancelled since: its work is let go."""
    calls_model: bool
    """Else it makes packages from drafts that are stored, and pays for none."""
    publishes: bool
    """Else it stops at the draft: nothing leaves the service."""


class Replayed(StrEnum):
    """What became of a request in a planned replay."""

    PLANNED = "planned"
    """Nothing yet."""

    REVISED = "revised"
    DRAFTED = "drafted"
    """A draft is stored, and nothing was published: the replay does not publish."""
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was paid for a piece of work."""

    calls: int = 0
    usage: Usage = Usage()  # noqa: RUF009 - frozen


NOTHING_SPENT = Spent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A request with something to be done, as it was when the lease was taken."""

    key: RequestKey
    token: int
    """The fence: whatever finishes this work must name it."""
    requested_state_version: int | None
    reason: str | None
    priority: int
    force: bool
    trace: TraceContext
    cause: Cause
    replay_id: str | None
    terms: ReplayTerms | None
    """Of a planned replay, when this is its work."""
    replayed: bool
    """Whether it comes after all live work."""
    due_at: datetime | None
    """What stood in the row; a later finish sees by it whether somebody has scheduled anew."""
    attempts: int
    """Times this work was taken up, this one included."""
    last: LastPackage | None
    """None until there is a package."""
    upgrade_wanted: bool
    age_seconds: float
    """Since the request was stored."""
    taken_at: datetime
    """By the database's clock."""
    waited: bool
    """Whether half of the deadline has passed: then what is known has to do."""
    deadline_in_seconds: float | None
    """Until the first package has to be decided, the margin for publishing taken off; None: no deadline."""

    @property
    def next_revision(self) -> int:
        return 1 if self.last is None else self.last.revision + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHistory:
    """A session as it is stored, at one moment."""

    events: tuple[SessionEvent, ...]
    """In version order."""
    arrivals: int
    """The number of accepted events: later ones have higher arrival numbers."""
    secrets: int
    """Fingerprints of values known to be secret; one more, and what was drafted before may hold it."""
    erased: bool
    ticket: TicketReference | None
    """The last one that the store kept; after an erasure all that is left."""


class DraftKey(NamedTuple):
    """What a draft is paid for once."""

    tenant_id: str
    session_id: str
    bundle_sha256: str
    prompt_version: str
    model: str

    @property
    def session(self) -> SessionKey:
        return SessionKey(self.tenant_id, self.session_id)


class LedgerEntry(BaseModel):
    """A draft that was paid for, as the ledger and the cache keep it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    draft: str
    """As the reader of answers takes it."""
    model: str
    """That wrote it: the configured one or the one asked after a refusal."""
    warnings: tuple[str, ...]
    attempts: int
    usage: Usage
    drafted_at: datetime
    drafted_for: str
    """`<request id>/<revision>` of the work that paid for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """No draft of this bundle was good enough, or the model would not give one: it is not asked again."""

    warnings: tuple[str, ...]
    """Words that a package drafted by rules instead has to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right, and the duty, to call the model for a key."""

    key: DraftKey
    token: int


class Busy:
    """Somebody else is calling the model for this key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The model is away."""

    reason: str
    probe_due: bool


class FinishResult(StrEnum):
    """What became of a final transaction."""

    DONE = "done"
    GONE = "gone"
    """The lease was lost, or the request has ended otherwise: nothing was written."""
    STALE = "stale"
    """A value became known as a secret meanwhile: nothing was written, the work is to be done again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a piece of work was built from; its final transaction compares it with what is there by then."""

    arrivals: int
    secrets: int


class Desk(Protocol):
    """Every method may raise Transient, and then may or may not have taken effect; all can be repeated."""

    async def claim(self, lane: Lane, limit: int) -> list[Work]:
        """Leases up to `limit` pieces of work, the most urgent first."""

    async def claim_probe(self) -> Work | None:
        """While the model is away: the one upgrade that may call it now, if it is time for a call and there is one."""

    async def renew(self, works: Collection[Work], claims: Collection[Claim]) -> None:
        """Keeps what is still held; what was lost stays lost."""

    async def release(self, work: Work, *, in_seconds: float, counted: bool) -> None:
        """Gives the work back, due again so much later; uncounted, this attempt is forgotten."""

    async def wait_for_state(self, work: Work) -> None:
        """Gives the work back until half of its deadline, or until intake wakes it."""

    async def history(self, key: SessionKey) -> SessionHistory | None:
        """None for a session nobody has heard of."""

    async def find_draft(self, key: DraftKey) -> LedgerEntry | Declined | None:
        """What the ledger holds, without claiming anything."""

    async def find_any_draft(self, key: DraftKey) -> tuple[DraftKey, LedgerEntry] | None:
        """What the ledger holds for the bundle: of this prompt and model if it can be, else the newest."""

    async def claim_draft(
        self, key: DraftKey, *, drafted_for: str, force: bool
    ) -> Claim | LedgerEntry | Declined | Busy:
        """With `force` an entry counts only if it was drafted for the same."""

    async def holds(self, claim: Claim) -> bool:
        """Whether the claim still stands."""

    async def store_draft(self, claim: Claim, entry: LedgerEntry, basis: Basis) -> bool:
        """False: the claim was lost, the session erased, or it holds a secret found since; nothing is stored."""

    async def decline_draft(self, claim: Claim, warnings: tuple[str, ...], *, drafted_for: str) -> None:
        """The bundle is not asked for again; with force by others than this one only."""

    async def release_draft(self, claim: Claim) -> None: ...

    async def finish_ready(
        self,
        work: Work,
        package: Package,
        basis: Basis,
        *,
        draft_model: str | None,
        upgrade_in_seconds: float | None,
        spent: Spent = NOTHING_SPENT,
    ) -> FinishResult:
        """Package, request and outbox row in one transaction.

        `upgrade_in_seconds` says that a model draft is wanted instead, and when; while the model is away it waits.
        """

    async def finish_unchanged(
        self,
        work: Work,
        basis: Basis | None,
        *,
        upgrade_in_seconds: float | None,
        untold: bool = False,
        replayed: Replayed = Replayed.UNCHANGED,
        spent: Spent = NOTHING_SPENT,
    ) -> FinishResult:
        """Nothing is published; without a basis whatever has changed meanwhile is left alone.

        `untold`: the session has changed since the last package, and this work does not say so: that is done later.
        """

    async def finish_failed(self, work: Work, publication: Publication, reason: FailureReason) -> FinishResult:
        """The request ends without a package."""

    async def hasten_upgrade(self, key: RequestKey) -> None:
        """The draft that an upgrade waits for is there."""

    async def outage(self) -> Outage | None: ...

    async def begin_outage(self, reason: str, *, probe_in_seconds: float) -> None:
        """Repeated, it only moves the next probe further away."""

    async def end_outage(self) -> None: ...

    async def wake_upgrades(self) -> int:
        """Makes upgrades due that wait for a model that is not away, spread out; how many."""


class Cache(Protocol):
    """Hot copies of drafts. Nothing here raises, blocks for long or is needed."""

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None: ...

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry) -> None: ...

    async def forget(self, session: SessionKey) -> None: ...
