"""What the service publishes: the package with its revisions, its withdrawal, and the request that failed."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.envelope import Published
from schemas.fields import Instant

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Marker = Annotated[str, Field(pattern=r"^\[handoff [0-9a-f]{6,12} r[0-9]+\]$")]


class PackageStatus(StrEnum):
    """Who drafted it."""

    READY = "ready"
    """Drafted by the model."""
    FALLBACK = "fallback"
    """Drafted by rules from the record alone."""


class Cause(StrEnum):
    """Why this revision exists."""

    REQUEST = "request"
    """The first answer to an escalation."""
    STATE_CHANGED = "state_changed"
    """The session changed after the package."""
    UPGRADE = "upgrade"
    """A model draft replaces a fallback."""
    REPLAY = "replay"
    """A replay asked for it."""


class SectionKey(StrEnum):
    """The five sections, in order."""

    PROBLEM = "problem"
    CONFIRMED = "confirmed"
    TRIED = "tried"
    HYPOTHESIS = "hypothesis"
    NEXT_STEPS = "next_steps"


class Caution(StrEnum):
    """What a reader should know about how a package came about. Readers ignore words they don't know."""

    STATE_BEHIND_REQUEST = "state_behind_request"
    """The version that the requester saw had not arrived by half the deadline."""
    REPAIRED = "repaired"
    """The model's first answer broke a rule and was corrected by its second one."""
    TRUNCATED_INPUT = "truncated_input"
    """Records were left out or shortened, in the prompt or in the lists."""
    MODEL_UNAVAILABLE = "model_unavailable"
    """Drafted by rules, because the model did not answer in time; an upgrade follows."""
    MODEL_REFUSED = "model_refused"
    """Drafted by rules, because the model declined to answer."""
    DRAFT_REJECTED = "draft_rejected"
    """Drafted by rules, because the model's answers broke the rules of a package."""
    STATEMENTS_REMOVED = "statements_removed"
    """Statements of the model that the record does not support were left out."""
    MODEL_DISABLED = "model_disabled"
    """Drafted by rules, because the tenant's policy keeps its texts from models."""
    BUDGET_EXHAUSTED = "budget_exhausted"
    """Drafted by rules, because the month's budget for calls to models is used up."""
    UNCHECKED = "unchecked"
    """The second reader failed, was too slow or could not be read: nobody but code checked the model's statements."""


class FailureReason(StrEnum):
    """Why a request ended without a package."""

    SESSION_NOT_FOUND = "session_not_found"
    """No event of the session arrived by half the deadline."""
    SESSION_ERASED = "session_erased"
    """The session was erased."""
    UNPROCESSABLE = "unprocessable"
    """The session cannot be turned into a package; `detail` says why."""


class WithdrawalReason(StrEnum):
    """Why a package is taken back."""

    CANCELLED = "cancelled"
    SESSION_ERASED = "session_erased"


class TicketReference(Published):
    """A PSA ticket, as the session named it."""

    system: str
    """`connectwise`, `autotask`, `halopsa` or another one."""
    ticket_id: str
    """The ticket's id there."""
    connection_id: str | None
    """Which connection of the tenant, where there are several."""
    record_type: str | None
    """The kind of ticket there."""


class ReferenceKind(StrEnum):
    """What a record is."""

    SESSION = "session"
    """The session's title, summary and intake."""
    FACT = "fact"
    SCRIPT = "script"
    FIX = "fix"
    REASON = "reason"
    """The reason of the request."""


class RecordReference(Published):
    """A record that a line rests on, and the last event that made it what it was."""

    kind: ReferenceKind
    """What it is."""
    id: str
    """The id that the producer gave it; of the session its own id, of a reason the request's."""
    state_version: int | None
    """The event's version of the session; of a reason the version that was asked for, if any."""
    event_id: str | None
    """The event's id; null for a reason, and where the event is no longer known."""


class SectionLine(Published):
    """A bullet of a section, or its one paragraph."""

    text: str
    """As in `plain_text`, without a list mark."""
    records: tuple[RecordReference, ...]
    """What it rests on; empty where code wrote a fixed sentence, or the model named nothing."""


class Section(Published):
    """One of the five sections."""

    key: SectionKey
    """Which one."""
    heading: str
    """Its heading without `## `."""
    markdown: str
    """Its body without the heading."""
    lines: tuple[SectionLine, ...] = ()
    """Its bullets or its paragraph, with what they rest on; empty in events of releases before it."""


class Usage(Published):
    """Tokens that the model's answers to this draft took; zeros for rules."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0


class CheckProvenance(Published):
    """What the second reader, a small model, said of the answers to this draft."""

    model: str
    """The reader's model id."""
    prompt_version: str
    """Version of the reader's instructions and answer schema together."""
    statements: int
    """Statements of the published draft's answer that it judged."""
    flagged: int
    """Statements that it flagged, in all answers together."""
    removed: int
    """Statements that left the package because it flagged them."""
    usage: Usage
    """Tokens of the checks alone; `provenance.usage` has them too."""


class Provenance(Published):
    """What a package was made from, and by whom."""

    bundle_sha256: Sha256
    """Digest of the canonical bundle that was drafted from."""
    event_count: int
    """Accepted events up to `state_version` at drafting time."""
    prompt_version: str
    """Version of prompt and answer schema together."""
    model: str | None
    """The model's id; null for rules."""
    drafted_at: Instant
    """When the draft was made."""
    attempts: int
    """Calls made for this draft, checks not counted; 0 for rules without a call."""
    usage: Usage
    """Tokens over all attempts, checks included."""
    provider: str | None = None
    """Where the model was called: `anthropic`, `bedrock`, `vertex` or `foundry`; null for rules."""
    check: CheckProvenance | None = None
    """What the second reader said; null without one."""


class NoteIdentity(Published):
    """Which note of which request an event is about; shared by all that is published."""

    request_id: str
    """The request's id."""
    session_id: str
    """The session's id."""
    tenant_id: str
    """The customer organisation."""
    note_key: str
    """The note's identity across revisions: `tenant/session/request`, each part percent-encoded."""
    requested_state_version: int | None
    """The version that was asked for."""
    psa_ticket: TicketReference | None
    """The ticket the note belongs to."""
    target_ticket_ref: str | None
    """The ticket for people: `CW #123`, else `<system> #<ticket_id>`."""
    marker: Marker
    """A short text to put into the note and to find it by; the middle is equal across a note's revisions."""


class PackageReady(NoteIdentity):
    """`escalation.package_ready.v1`: a handoff package, revision by revision."""

    package_id: UUID
    """`uuid5(NAMESPACE_URL, "escalation-package/" + note_key + "/" + revision)`; also the CloudEvents `id`."""
    revision: Annotated[int, Field(ge=1)]
    """1, 2, …"""
    supersedes: UUID | None
    """The package that this revision replaces."""
    state_version: int
    """The session's version that it was built from."""
    status: PackageStatus
    """`ready` (drafted by the model) or `fallback` (drafted by rules)."""
    cause: Cause
    """What led to this revision."""
    replay_id: str | None
    """The replay that asked for it, with cause `replay`."""
    markdown: str
    """The five sections, blocks parted by one blank line, ending in one newline; at most 30,000 characters."""
    plain_text: str
    """The same without markup."""
    html: str = ""
    """The same as an HTML fragment: `h2`, `p`, `ul`, `li` (`strong`, `code` and `br` are reserved), no attributes.

    Empty in events of releases before it.
    """
    language: str = "en"
    """BCP 47 tag of the headings and of the words that code writes."""
    footer: str | None = None
    """A line of plain text for the sync to put under the note: the tenant's, or null."""
    content_sha256: Sha256
    """Digest of the UTF-8 bytes of `markdown`; equal digest: nothing new to post."""
    sections: Annotated[tuple[Section, ...], Field(min_length=5, max_length=5)]
    """The five sections, in order."""
    title: Annotated[str, Field(max_length=100)]
    """A title for the note."""
    previous_psa_ticket: TicketReference | None
    """The superseded revision's ticket, where it was another one."""
    audience: Annotated[str, Field(pattern="^internal$")] = "internal"
    """Always `internal`: a word for the sync to map, never a PSA's own code."""
    from_cache: bool
    """The draft was taken from the cache or the ledger."""
    provenance: Provenance
    """What it was made from."""
    redactions: Annotated[int, Field(ge=0)]
    """How many distinct secrets were removed from the input."""
    warnings: tuple[str, ...]
    """Machine-readable words, see `Caution`; readers ignore those they don't know.

    `violated:<rule>:<times>` counts how often the model's answers broke a rule before this package was made.
    """


class PackageWithdrawn(NoteIdentity):
    """`escalation.package_withdrawn.v1`: take the note back, or expect none. Nothing follows it."""

    revision: int | None
    """The last package's revision, null without one."""
    supersedes: UUID | None
    """The last package's id, null without one."""
    reason: WithdrawalReason
    """Why."""


class PackageFailed(NoteIdentity):
    """`escalation.package_failed.v1`: the request ended without a package."""

    reason: FailureReason
    """Why."""
    detail: str
    """For people: what happened and what to do."""


PACKAGE_TYPES: dict[str, type[NoteIdentity]] = {
    "escalation.package_ready.v1": PackageReady,
    "escalation.package_withdrawn.v1": PackageWithdrawn,
    "escalation.package_failed.v1": PackageFailed,
}
"""Every published type of the contract, by its name on the wire."""
