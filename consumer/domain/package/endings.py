"""Builds what is published when a request ends without a further package: its note is withdrawn, or it has failed."""

from datetime import datetime

from consumer.domain.events import RequestKey
from consumer.domain.package import package
from consumer.domain.package.package import Note, Publication, Sender
from consumer.domain.request.lifecycle import KnownRequest, RequestState
from schemas.packages import FailureReason, TicketReference, WithdrawalReason

ERASED_DETAIL = "The session was erased; nothing is left to make a package of."


def note_of_known(key: RequestKey, request: KnownRequest, session_ticket: TicketReference | None) -> Note:
    """The request's note. Its ticket is the last package's; without a package it is the session's."""
    return Note(
        key=key,
        requested_state_version=request.requested_state_version,
        ticket=request.ticket if request.has_package else session_ticket,
        trace=request.trace,
    )


def after_erasure(sender: Sender, note: Note, request: KnownRequest, *, at: datetime) -> Publication:
    """The end of a request whose session is erased: its note is withdrawn if there is one, else it has failed."""
    if request.state is RequestState.DONE:
        return package.withdrawn(sender, note, reason=WithdrawalReason.SESSION_ERASED, revision=request.revision, at=at)
    return package.failed(sender, note, reason=FailureReason.SESSION_ERASED, detail=ERASED_DETAIL, at=at)


def after_cancellation(sender: Sender, note: Note, request: KnownRequest, *, at: datetime) -> Publication:
    """The end of a request that was cancelled, before its package or after it."""
    revision = request.revision or None
    return package.withdrawn(sender, note, reason=WithdrawalReason.CANCELLED, revision=revision, at=at)
