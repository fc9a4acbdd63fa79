"""The CloudEvents 1.0 envelope, as the service reads and writes it."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from schemas.fields import Id, Instant, LocalInstant, ShortId, Version

DEFAULT_TENANT = "default"
STRUCTURED_CONTENT_TYPE = "application/cloudevents+json"
JSON_CONTENT_TYPE = "application/json"

Data = TypeVar("Data", bound=BaseModel)


class Published(BaseModel):
    """Base of what the service writes: frozen and complete. Read back, it ignores what a newer release has added."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
    )


class Received(BaseModel):
    """Base of what the service reads: frozen; unknown fields are ignored, as producers may be newer."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)


def _default_tenant(value: Any) -> Any:
    return DEFAULT_TENANT if value is None else value


class Envelope(Received):
    """The attributes of an event that was received, whatever its type; `data` is checked by type afterwards."""

    specversion: Literal["1.0"]
    """The CloudEvents version."""
    id: Id
    """Unique per source; two events of equal version and equal id are the same event."""
    source: Annotated[StrictStr, Field(min_length=1)]
    """Who emitted the event: a URI reference."""
    type: Id
    """The event's type, such as `session.opened.v1`."""
    subject: ShortId
    """The session id; a UUID is usual, not required."""
    time: LocalInstant
    """When it happened, best with the local offset: packages give times as the session's clocks show them."""
    datacontenttype: StrictStr | None = None
    """Absent or a JSON media type."""
    tenantid: Annotated[ShortId, BeforeValidator(_default_tenant)] = DEFAULT_TENANT
    """The customer organisation. A session is identified by tenant and session id together."""
    stateversion: Version | None = None
    """The session's version after this change; required on session events, strictly increasing, not always by one."""
    actor: StrictStr | None = None
    """Who or what made the change; kept for audit, never shown to the model, never in a package."""
    replayid: Id | None = None
    """On the replay topic of the requests: asks for a further revision of a known request."""
    data: Any = None
    """The payload of the type; its model checks it."""


class PublishedEvent(Published, Generic[Data]):
    """An event that the service publishes, in structured mode."""

    specversion: Literal["1.0"] = "1.0"
    """The CloudEvents version."""
    id: str
    """Equal for the same package, withdrawal or failure, however often it is published."""
    source: str
    """The service that published the event: a URI reference."""
    type: str
    """The event's type."""
    subject: str
    """The session id."""
    time: Instant
    """When the outcome was decided."""
    datacontenttype: Literal["application/json"] = "application/json"
    """Always JSON."""
    tenantid: str
    """The customer organisation."""
    data: Data
    """The payload of the type."""
