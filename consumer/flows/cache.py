"""The ports of the cache of drafts. Nothing here raises, blocks for long or is needed: losing it costs only time."""

from typing import Protocol

from consumer.domain.events import SessionKey
from consumer.domain.writing.ledger import DraftKey, LedgerEntry


class SessionForgetter(Protocol):
    """What intake and retention need: cached drafts leave with the content that they were made of."""

    async def forget(self, *sessions: SessionKey) -> None:
        """Drops the cached drafts of these sessions, as far as it can."""


class DraftCache(SessionForgetter, Protocol):
    """Hot copies of the ledger's drafts."""

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None:
        """The copy, if it was made for exactly this key; `version` is the session's."""

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry) -> None: ...
