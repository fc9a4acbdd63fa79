"""Builds the events that are published about a request: the package, its withdrawal, the request's failure.

Every published field is decided here. The same outcome always has the same CloudEvents `id`. Times are arguments.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel

from consumer.domain.events import NO_TRACE, RequestKey, TraceContext
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.request.work import TenantPolicy
from schemas.envelope import STRUCTURED_CONTENT_TYPE, PublishedEvent
from schemas.packages import (
    Cause,
    FailureReason,
    PackageFailed,
    PackageReady,
    PackageStatus,
    PackageWithdrawn,
    Provenance,
    RecordReference,
    Section,
    SectionLine,
    TicketReference,
    WithdrawalReason,
)
from schemas.tickets import PsaTicket
from schemas.topics import Topics

READY_TYPE = "escalation.package_ready.v1"
WITHDRAWN_TYPE = "escalation.package_withdrawn.v1"
FAILED_TYPE = "escalation.package_failed.v1"

_MARKER_DIGITS = 12
CONNECTWISE = frozenset({"connectwise", "connectwisepsa", "connectwisemanage"})
"""The names of ConnectWise, as `plain_system` gives them."""
_NOT_WORD = re.compile(r"[\W_]+")

Data = TypeVar("Data", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A record for a topic, ready for the outbox."""

    topic: str
    """Full name, with its prefix."""
    key: bytes
    headers: tuple[tuple[str, str], ...]
    value: bytes
    tenant_id: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Where this service publishes, and as whom."""

    topics: Topics
    source: str
    """The CloudEvents source: a URI reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What all published events about one request have in common."""

    key: RequestKey
    requested_state_version: int | None
    ticket: TicketReference | None
    """The package's ticket, without a package the session's; None if there is no ticket."""
    trace: TraceContext = NO_TRACE

    @property
    def note_key(self) -> str:
        return note_key(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The position of a package among the packages of its note, and why and from what it was built."""

    number: int
    cause: Cause
    replay_id: str | None
    supersedes: UUID | None
    previous_ticket: TicketReference | None
    """The ticket of the superseded package, even if the new package has the same one."""
    state_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package: its data, and the record that publishes it."""

    ready: PackageReady
    publication: Publication


def note_key(key: RequestKey) -> str:
    """`tenant/session/request`, each part percent-encoded: the note's identity across revisions."""
    return "/".join(quote(part, safe="") for part in key)


def package_id(note_key: str, revision: int | str) -> UUID:
    """The id of a package (contract part 5). With `withdrawn` or `failed` as `revision` it is that outcome's id."""
    return uuid5(NAMESPACE_URL, f"escalation-package/{note_key}/{revision}")


def marker(note_key: str, revision: int) -> str:
    """A short text to find a note by. Its middle is equal across revisions. Without a package `revision` is 0."""
    return f"[handoff {sha256(note_key.encode()).hexdigest()[:_MARKER_DIGITS]} r{revision}]"


def ticket_reference(ticket: PsaTicket | None) -> TicketReference | None:
    if ticket is None:
        return None
    return TicketReference(
        system=ticket.system,
        ticket_id=ticket.ticket_id,
        connection_id=ticket.connection_id,
        record_type=ticket.record_type,
    )


def target_ticket_ref(ticket: TicketReference | None) -> str | None:
    """The ticket as people write it: `CW #<id>` for ConnectWise, else `<system> #<id>`."""
    if ticket is None:
        return None
    return f"{'CW' if plain_system(ticket.system) in CONNECTWISE else ticket.system} #{ticket.ticket_id}"


def plain_system(system: str) -> str:
    """The name of a PSA as names of it are compared: in lower case, letters and digits alone."""
    return _NOT_WORD.sub("", system.casefold())


def ready(
    sender: Sender,
    note: Note,
    revision: Revision,
    rendered: Rendered,
    *,
    references: Mapping[str, RecordReference],
    status: PackageStatus,
    from_cache: bool,
    provenance: Provenance,
    redactions: int,
    warnings: Iterable[str],
    policy: TenantPolicy,
    at: datetime,
) -> Package:
    """Builds a revision of the note. `at` is when the outcome was decided, by the database's clock.

    `references` tell what the records are that the lines of the text cite, by their ids in the bundle.
    """
    key = note.note_key
    changed_ticket = revision.supersedes is not None and revision.previous_ticket != note.ticket
    event = PackageReady(
        request_id=note.key.request_id,
        session_id=note.key.session_id,
        tenant_id=note.key.tenant_id,
        note_key=key,
        requested_state_version=note.requested_state_version,
        psa_ticket=note.ticket,
        target_ticket_ref=target_ticket_ref(note.ticket),
        marker=marker(key, revision.number),
        package_id=package_id(key, revision.number),
        revision=revision.number,
        supersedes=revision.supersedes,
        state_version=revision.state_version,
        status=status,
        cause=revision.cause,
        replay_id=revision.replay_id if revision.cause is Cause.REPLAY else None,
        markdown=rendered.markdown,
        plain_text=rendered.plain_text,
        content_sha256=sha256(rendered.markdown.encode()).hexdigest(),
        html=rendered.html,
        footer=policy.footer(package_id(key, revision.number), note.key),
        language=rendered.language,
        sections=_sections(rendered, references),
        title=rendered.title,
        previous_psa_ticket=revision.previous_ticket if changed_ticket else None,
        from_cache=from_cache,
        provenance=provenance,
        redactions=redactions,
        warnings=tuple(dict.fromkeys(warnings)),
    )
    filters = (("revision", str(revision.number)), ("status", status.value), ("cause", revision.cause.value))
    publication = _publication(sender, sender.topics.ready, READY_TYPE, event.package_id, note, event, filters, at)
    return Package(ready=event, publication=publication)


def _sections(rendered: Rendered, references: Mapping[str, RecordReference]) -> tuple[Section, ...]:
    """The sections with their lines; what a line cites and the session does not hold is left out."""
    return tuple(
        Section(
            key=section.key,
            heading=section.heading,
            markdown=section.markdown,
            lines=tuple(
                SectionLine(
                    text=line.text, records=tuple(references[name] for name in line.records if name in references)
                )
                for line in rendered.lines[section.key]
            ),
        )
        for section in rendered.sections
    )


def withdrawn(
    sender: Sender,
    note: Note,
    *,
    reason: WithdrawalReason,
    revision: int | None,
    at: datetime,
) -> Publication:
    """Builds the withdrawal of the note; nothing follows it. `revision` is the last package's, None without one."""
    key = note.note_key
    event = PackageWithdrawn(
        request_id=note.key.request_id,
        session_id=note.key.session_id,
        tenant_id=note.key.tenant_id,
        note_key=key,
        requested_state_version=note.requested_state_version,
        psa_ticket=note.ticket,
        target_ticket_ref=target_ticket_ref(note.ticket),
        marker=marker(key, revision or 0),
        revision=revision or None,
        supersedes=package_id(key, revision) if revision else None,
        reason=reason,
    )
    filters = (("revision", str(revision)),) if revision else ()
    return _publication(
        sender, sender.topics.ready, WITHDRAWN_TYPE, package_id(key, "withdrawn"), note, event, filters, at
    )


def failed(sender: Sender, note: Note, *, reason: FailureReason, detail: str, at: datetime) -> Publication:
    """Builds the failure of a request that has no package. `detail` tells people what happened and what to do."""
    key = note.note_key
    event = PackageFailed(
        request_id=note.key.request_id,
        session_id=note.key.session_id,
        tenant_id=note.key.tenant_id,
        note_key=key,
        requested_state_version=note.requested_state_version,
        psa_ticket=note.ticket,
        target_ticket_ref=target_ticket_ref(note.ticket),
        marker=marker(key, 0),
        reason=reason,
        detail=detail,
    )
    return _publication(sender, sender.topics.failed, FAILED_TYPE, package_id(key, "failed"), note, event, (), at)


def _publication(
    sender: Sender,
    topic: str,
    event_type: str,
    event_id: UUID,
    note: Note,
    event: Data,
    filters: tuple[tuple[str, str], ...],
    at: datetime,
) -> Publication:
    envelope: PublishedEvent[Data] = PublishedEvent(  # no parameters: they would make a new class at every call
        id=str(event_id),
        source=sender.source,
        type=event_type,
        subject=note.key.session_id,
        time=at,
        tenantid=note.key.tenant_id,
        data=event,
    )
    # No `ce_` headers: readers take those for binary mode, and the value for the payload alone.
    copies = (
        ("event_type", event_type),
        ("event_id", str(event_id)),
        ("tenant_id", note.key.tenant_id),
        ("session_id", note.key.session_id),
        ("note_key", note.note_key),
    )
    trace = (("traceparent", note.trace.traceparent), ("tracestate", note.trace.tracestate))
    return Publication(
        topic=topic,
        key=note.key.session_id.encode(),
        headers=(
            ("content-type", STRUCTURED_CONTENT_TYPE),
            *copies,
            *filters,
            *((name, value) for name, value in trace if value is not None),
        ),
        value=envelope.model_dump_json().encode(),
        tenant_id=note.key.tenant_id,
        session_id=note.key.session_id,
    )
