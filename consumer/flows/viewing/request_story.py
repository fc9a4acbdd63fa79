"""One request with all that became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from consumer.domain.events import RequestKey
from consumer.flows.viewing.request_list import RequestLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldPackage:
    """A revision. `event` is the published data."""

    package_id: UUID
    revision: int
    status: str
    cause: str
    created_at: datetime
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCall:
    """A call to a model."""

    revision: int | None
    """What it was made for."""
    purpose: str
    provider: str
    model: str
    began_at: datetime
    ended_at: datetime | None
    usd: float | None
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFeedback:
    revision: int
    outcome: str
    occurred_at: datetime
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublished:
    """An event of the request's session that waits in the outbox."""

    event_id: str
    topic: str
    created_at: datetime
    refused_at: datetime | None
    refusal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    request: RequestLine
    reason: str | None
    force: bool
    deadline_seconds: int
    from_replay: bool
    traceparent: str | None
    first_done_at: datetime | None
    revisions_by_change: int
    packages: tuple[ToldPackage, ...]
    calls: tuple[ToldCall, ...]
    feedback: tuple[ToldFeedback, ...]
    unpublished: tuple[Unpublished, ...]


class StoryReader(Protocol):
    async def story(self, key: RequestKey) -> RequestStory | None:
        """None for a request that is not known."""
