"""The port of the cache of drafts. No method raises or blocks for long; losing the cache costs only time.

Law: the cache may forget at any time, and what it was made to forget never comes back. So work that began before may
not put its draft there: it is admitted before it reads the session, and `forget` ends every admission.
"""

from typing import Protocol

from consumer.domain.events import SessionKey
from consumer.domain.writing.ledger import DraftKey, LedgerEntry


class DraftCache(Protocol):
    """Copies of the ledger's drafts."""

    async def admit(self, session: SessionKey, writer: int) -> None:
        """Lets the work with this lease put one copy, until the session is forgotten.

        To be called before the session is read: what is read afterwards is at least as new as the last `forget`.
        """

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None:
        """Returns the copy if it was made for exactly this key. `version` is the session's version."""

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry, *, writer: int) -> None:
        """Stores a copy, if the writer is still admitted."""

    async def forget(self, *sessions: SessionKey) -> bool:
        """Deletes all copies of these sessions in one step; returns whether the cache has acknowledged that."""


class NoCache:
    """Keeps nothing, so it has forgotten everything at once: for a service without Redis."""

    async def admit(self, session: SessionKey, writer: int) -> None: ...

    async def get(self, key: DraftKey, version: int) -> LedgerEntry | None:  # noqa: ARG002 - the port's signature
        return None

    async def put(self, key: DraftKey, version: int, entry: LedgerEntry, *, writer: int) -> None: ...

    async def forget(self, *sessions: SessionKey) -> bool:  # noqa: ARG002 - the port's signature
        return True
