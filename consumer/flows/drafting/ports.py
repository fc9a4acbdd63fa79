"""The ports of drafting: the queue of work, the ledger of drafts, the endings of work, outages and doubts of the model.

Replicas coordinate through these ports, by the database and its clock alone. Every method may raise Transient: then it
may or may not have taken effect. Every method may be repeated.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from consumer.domain.cost.usage import NOTHING_SPENT, Spent
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.package.package import Package, Publication
from consumer.domain.request.work import Replayed, Work
from consumer.domain.session.history import Basis, SessionHistory
from consumer.domain.writing.ledger import Declined, DraftKey, LedgerEntry
from consumer.flows.drafting.calls.accounting import Accounts
from schemas.packages import FailureReason, TicketReference


class Lane(StrEnum):
    """A kind of work that can be claimed."""

    MODEL = "model"
    """Live work that is due, upgrades included; first packages first."""
    REPLAY = "replay"
    """Work that is due because of replayed records and planned replays."""
    RULES = "rules"
    """All due work but upgrades and replays, which wait for a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The model is away."""

    reason: str
    probe_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a turn of drafting has to know before it takes anything. `live` and `replayed` bound what can be claimed."""

    outage: Outage | None
    urgent: bool
    live: int
    replayed: int


class WorkQueue(Protocol):
    """Requests with something to be done, taken under leases."""

    async def waiting(self, limit: int, *, reach_seconds: float) -> Waiting:
        """Looks, in one round trip, at what waits; counts up to `limit`. `reach_seconds`: as in `claim_urgent`."""

    async def take_back(self) -> None:
        """Ends the leases of a process that died under this one's name, if it has one. Its attempts count."""

    async def claim(self, lane: Lane, limit: int) -> list[Work]:
        """Leases up to `limit` pieces of work, in turns of the tenants; a tenant's own work by priority, then age."""

    async def claim_urgent(self, limit: int, *, reach_seconds: float) -> list[Work]:
        """Leases first packages whose deadline is near, whether they are due or wait for something.

        Those that are due are taken `reach_seconds` before their deadline, if that is earlier.
        """

    async def any_lost(self) -> bool:
        """Whether work is due that was lost `IN_COMPANY` times. No other method gives it out than the next one."""

    async def claim_lost(self) -> Work | None:
        """Leases one piece of such work, the nearest deadline first."""

    async def reach(self, fallback_seconds: float) -> float:
        """How many seconds before their deadline fallbacks have to be begun, so that those behind are in time, too.

        0 when the usual margin is enough. `fallback_seconds` is how long each takes.
        """

    async def claim_probe(self) -> Work | None:
        """While the model is away: leases the one piece of work that may call it now.

        None when it is not yet time for a call, or when no work waits for the model.
        """

    async def renew(self, works: Collection[Work]) -> None:
        """Prolongs the leases that are still held; a lost lease stays lost."""

    async def left_seconds(self, work: Work) -> float | None:
        """The time that is left until the first package has to be decided; None while the request's clock stands."""

    async def release(self, work: Work, *, in_seconds: float, counted: bool) -> None:
        """Gives the work back; it is due again after that time. If not `counted`, this attempt is forgotten.

        That holds for a lease that was lost meanwhile, too.
        """

    async def wait_for_state(self, work: Work) -> None:
        """Gives the work back until half of its deadline has passed, or until intake wakes it."""

    async def history(self, key: SessionKey) -> SessionHistory | None:
        """The session as it is stored now; None for a session that is not known."""

    async def ticket(self, key: SessionKey) -> TicketReference | None:
        """The ticket that the session names last, read without folding the session."""

    async def hasten_upgrade(self, key: RequestKey) -> None:
        """Makes a waiting upgrade due now, for its draft is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right, and the duty, to call the model for a key."""

    key: DraftKey
    token: int
    model_away: bool = field(compare=False)
    """When it was made."""


class Busy:
    """Another worker is calling the model for this key."""


class Doubted:
    """The API refused this prompt, and it is not known yet whether that was the prompt's fault."""


class DraftLedger(Protocol):
    """Drafts that were paid for. A key is paid for once, by whoever holds its claim."""

    async def find_draft(self, key: DraftKey) -> LedgerEntry | Declined | None:
        """What the ledger holds for the key. Claims nothing."""

    async def find_any_draft(self, key: DraftKey) -> tuple[DraftKey, LedgerEntry] | None:
        """A draft of the same bundle: that of this prompt and model if there is one, else the newest."""

    async def claim_draft(
        self, key: DraftKey, *, drafted_for: str, force: bool
    ) -> Claim | LedgerEntry | Declined | Doubted | Busy:
        """Claims the key unless the ledger holds a draft of it, or it is doubted.

        With `force` only a draft for `drafted_for` counts.
        """

    async def renew(self, claims: Collection[Claim]) -> None:
        """Prolongs the claims that are still held; a lost claim stays lost."""

    async def model_away(self, claim: Claim) -> bool | None:
        """Whether the model is away; None when the claim is no longer held."""

    async def store_draft(self, claim: Claim, entry: LedgerEntry, basis: Basis) -> bool:
        """Ends the claim with a draft.

        False, with nothing stored: the claim was lost, the session was erased, or the draft holds a value that has
        become known as secret.
        """

    async def decline_draft(self, claim: Claim, warnings: tuple[str, ...], *, drafted_for: str) -> None:
        """Ends the claim without a draft. This bundle is not asked for again, except with `force` by other work."""

    async def release_draft(self, claim: Claim) -> None:
        """Gives the claim back; an older draft under it counts again."""


class FinishResult(StrEnum):
    """What became of a final transaction."""

    DONE = "done"
    LATE = "late"
    """Done, with the first outcome of a request, after its deadline."""
    GONE = "gone"
    """The lease was lost, or the request has ended otherwise. Nothing was written."""
    STALE = "stale"
    """A value became known as a secret meanwhile. Nothing was written; the work is to be done again."""

    @property
    def is_written(self) -> bool:
        return self in {FinishResult.DONE, FinishResult.LATE}


class Endings(Protocol):
    """The three ways to finish a piece of work: each is one transaction, fenced by the work's lease."""

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
        """Writes package, request and outbox row.

        `draft_model` is the model of the draft's key, None for rules. `upgrade_in_seconds` says that a draft by the
        model is wanted instead, and when; while the model is away the upgrade waits.
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
        """Publishes nothing and schedules what comes next.

        Without a basis, changes that came meanwhile are not looked at. `untold`: the session has changed since the last
        package, and a later revision has to say so.
        """

    async def finish_failed(self, work: Work, publication: Publication, reason: FailureReason) -> FinishResult:
        """Ends the request without a package."""


class Outages(Protocol):
    """Outages of the model, for all replicas together.

    `WorkQueue.waiting` and `DraftLedger.model_away` tell whether it is away.
    """

    async def begin_outage(self, reason: str, *, probe_in_seconds: float) -> None:
        """Begins an outage. Repeated, it only moves the next probe further away."""

    async def end_outage(self) -> None: ...

    async def wake_upgrades(self) -> int:
        """Makes waiting upgrades due, spread out in time, unless the model is away. Returns how many.

        The upgrades of sessions with a doubted prompt go on waiting.
        """


class Suspect(StrEnum):
    """Whose fault a refused prompt seems to be."""

    PROMPT = "prompt"
    """The prompt is doubted: it is not asked again before this is known."""
    API = "api"
    """An outage: the API refuses every prompt."""


class Doubts(Protocol):
    """Prompts that the API refused (400), for all replicas together: they were at fault, or it refuses everything.

    | state    | is                              | a prompt is refused                   | a call is answered         |
    | -------- | ------------------------------- | ------------------------------------- | -------------------------- |
    | trusted  | no doubt                        | doubting                              | trusted                    |
    | doubting | one or two different prompts,   | the third different one in a row:     | those older than the call  |
    |          | none of them in the ledger      | refusing, the doubts are taken back   | are in the ledger: trusted |
    | refusing | an outage; probes go round the  | refusing; nothing is noted            | trusted; all upgrades are  |
    |          | waiting upgrades                |                                       | asked for again            |

    A call that began before a refusal says nothing about it: its answer only ends the row. `Accounts.settle` notes
    answers.
    """

    async def refused(self, claim: Claim, warnings: tuple[str, ...], *, drafted_for: str, reason: str) -> Suspect:
        """Notes the refusal and gives the claim back. The third different prompt in a row begins an outage.

        `warnings` are those of a package that rules draft instead.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftingStores:
    """The six ports together, as one process uses them."""

    queue: WorkQueue
    ledger: DraftLedger
    endings: Endings
    outages: Outages
    doubts: Doubts
    accounts: Accounts
