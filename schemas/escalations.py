"""`escalation-requested`: requests for a handoff package, and their cancellations."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictInt

from schemas.envelope import Received
from schemas.fields import Flag, Id, OptionalText, Version

DEFAULT_PRIORITY = 3
DEFAULT_DEADLINE_SECONDS = 120
DEFAULT_FORCE = False


def _or(default: int | bool) -> BeforeValidator:
    def fill(value: Any) -> Any:
        return default if value is None else value

    return BeforeValidator(fill)


class EscalationRequested(Received):
    """`escalation.requested.v1`: one engineer hands a session to the next one."""

    request_id: Id
    """The request's id; tenant, session and this together identify a request."""
    state_version: Version | None = None
    """The session's version that the requester saw; the package is at least as new, or says that it is not."""
    reason: OptionalText = None
    """Why it is escalated; shown to the model as data."""
    priority: Annotated[StrictInt, Field(ge=1, le=4), _or(DEFAULT_PRIORITY)] = DEFAULT_PRIORITY
    """1 is the highest, 4 the lowest."""
    force: Annotated[Flag, _or(DEFAULT_FORCE)] = DEFAULT_FORCE
    """Bypass cache and ledger: a new draft."""
    deadline_seconds: Annotated[StrictInt, Field(ge=5, le=3600), _or(DEFAULT_DEADLINE_SECONDS)] = (
        DEFAULT_DEADLINE_SECONDS
    )
    """By when the first outcome is published, counted from the moment the request is stored."""


class EscalationCancelled(Received):
    """`escalation.cancelled.v1`: ends a request, before or after its package; remembered when it comes first."""

    request_id: Id
    """The request that is cancelled."""


EscalationData = EscalationRequested | EscalationCancelled

ESCALATION_TYPES: dict[str, type[EscalationData]] = {
    "escalation.requested.v1": EscalationRequested,
    "escalation.cancelled.v1": EscalationCancelled,
}
"""Every request type of the contract, by its name on the wire."""
