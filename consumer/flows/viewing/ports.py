"""The readers. Every method reads in one READ ONLY transaction, within a bound of a few seconds.

Each raises Transient while the database is away, is not prepared for this release, or takes too long.
"""

from typing import Protocol
from uuid import UUID

from consumer.domain.events import Origin, RequestKey, SessionKey
from consumer.flows.viewing.dead_letters import DeadLetterView, LetterCount
from consumer.flows.viewing.filters import (
    DeadLetterFilter,
    LetterTrait,
    PackageFilter,
    RequestFilter,
    RequestOrder,
    SessionFilter,
)
from consumer.flows.viewing.overview import Overview
from consumer.flows.viewing.packages import NoteView, PackageView
from consumer.flows.viewing.pages import PAGE_ROWS, RowPage
from consumer.flows.viewing.requests import RequestView
from consumer.flows.viewing.sessions import SessionStory, SessionView
from consumer.flows.viewing.story import RefusedRequest, RequestStory

MOST_EVENTS = 1000
"""Events of a session that its story holds."""
MOST_CANDIDATES = 10
"""Ids that a beginning may stand for, before nobody wants to read more of them."""

MOST_COUNTED = 10_000
"""Refused records that are counted by a trait."""


class OverviewReader(Protocol):
    """What needs attention now."""

    async def overview(self) -> Overview: ...


class RequestViews(Protocol):
    """Requests. `after` is the `next_key` of the page before; Permanent is raised for any other text."""

    async def requests(
        self,
        wanted: RequestFilter,
        *,
        order: RequestOrder = RequestOrder.NEWEST,
        after: str | None = None,
        limit: int = PAGE_ROWS,
    ) -> RowPage[RequestView]: ...

    async def request_keys(
        self, beginning: str, *, tenant: str | None = None, session: str | None = None
    ) -> tuple[RequestKey, ...]:
        """Requests whose id begins so, at most `MOST_CANDIDATES`; only those of exactly that id, if there are any."""

    async def request_story(self, key: RequestKey) -> RequestStory | None:
        """None for an unknown request."""

    async def refused_request(self, request_id: str, *, tenant: str | None = None) -> RefusedRequest | None:
        """The refused records that name this request; None without any."""


class PackageViews(Protocol):
    """Packages, without and with their texts."""

    async def packages(
        self, wanted: PackageFilter, *, after: str | None = None, limit: int = PAGE_ROWS
    ) -> RowPage[PackageView]:
        """The newest first."""

    async def package_ids(self, beginning: str) -> tuple[UUID, ...]:
        """Packages whose id begins so, at most `MOST_CANDIDATES`."""

    async def note(self, package_id: UUID) -> NoteView | None:
        """None for an unknown package."""


class SessionViews(Protocol):
    """Sessions, without and with their content."""

    async def sessions(
        self, wanted: SessionFilter, *, after: str | None = None, limit: int = PAGE_ROWS
    ) -> RowPage[SessionView]:
        """The most recently changed first."""

    async def session_keys(self, beginning: str, *, tenant: str | None = None) -> tuple[SessionKey, ...]:
        """Sessions whose id begins so, at most `MOST_CANDIDATES`; only those of exactly that id, if there are any."""

    async def session_story(self, key: SessionKey) -> SessionStory | None:
        """None for an unknown session."""


class DeadLetterViews(Protocol):
    """Refused records."""

    async def dead_letters(
        self, wanted: DeadLetterFilter, *, after: str | None = None, limit: int = PAGE_ROWS
    ) -> RowPage[DeadLetterView]:
        """The newest first."""

    async def dead_letter_counts(self, wanted: DeadLetterFilter, by: LetterTrait) -> tuple[LetterCount, ...]:
        """The largest first; of the newest `MOST_COUNTED` that match."""

    async def dead_letter(self, origin: Origin) -> DeadLetterView | None:
        """The newest at this topic, partition and offset; None where none was refused."""


class Viewing(OverviewReader, RequestViews, PackageViews, SessionViews, DeadLetterViews, Protocol):
    """All of them, for the console and the commands."""
