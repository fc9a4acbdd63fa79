"""The ports of the cache of drafts. No method raises or blocks for long; losing the cache costs only time."""

from typing import Protocol

from consumer.domain.events import SessionKey
from consumer.domain.writing.ledger import DraftKey, LedgerEntry


class SessionForgetter(Protocol):
    """The port for intake and retention, which delete cached drafts together with the content behind them."""

    async def forget(self, *sessions: SessionKey) -> None:
        """Deletes the cached drafts of these sessions, as far as the cache can be reached."""


class DraftCache(SessionForgetter, Protocol):
    """Copies of the ledger's drafts."""

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None:
        """Returns the copy if it was made for exactly this key. `version` is the session's version."""

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry) -> None: ...
