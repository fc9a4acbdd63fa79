"""Keeps the leases of the work under way, and hands back those of work that is not brought to its end.

A claim counts as an attempt until the work ends, or is handed back for a reason that lies not in it. So what still
counts is work whose process died, or failed at it. A handing back that the database did not take is made up for.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from consumer.domain.request.work import Work
from consumer.errors import Transient
from consumer.flows.drafting.ports import Claim, DraftLedger, WorkQueue
from consumer.flows.pacing import is_asked_to_end

RELEASE_SECONDS = 1.5
"""How long handing back may take at the end of the process."""
MOST_OWED = 1000
"""Beyond it a lost lease counts as an attempt."""

log = structlog.stdlib.get_logger("escalation.drafting")


class LeaseKeeper:
    """`lease_seconds` is how long a lease lasts without renewal."""

    def __init__(self, *, queue: WorkQueue, ledger: DraftLedger, lease_seconds: float) -> None:
        self._queue = queue
        self._ledger = ledger
        self._lease_seconds = lease_seconds
        self._owed: list[Work] = []
        self._has_taken_back = False

    async def renew(self, works: Callable[[], Iterable[Work]], claims: Callable[[], Iterable[Claim]]) -> None:
        """Renews leases and claims well before they expire, until it is cancelled."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                await self._queue.renew(list(works()))
                await self._ledger.renew(list(claims()))
            except (Exception, asyncio.CancelledError) as error:  # without renewals all work would be done twice
                if is_asked_to_end(error):
                    raise
                why = str(error) if isinstance(error, Transient) else type(error).__name__
                log.warning("Leases could not be renewed.", event_name="renewal_failed", error=why)

    async def back(self, work: Work, *, in_seconds: float, counted: bool) -> None:
        """Hands a lease back; the work is due again after that time. If not `counted`, this attempt is forgotten."""
        try:
            await self._queue.release(work, in_seconds=in_seconds, counted=counted)
        except Transient:
            log.warning("A lease could not be handed back; it expires.", event_name="lease_not_released")
            if not counted:
                self.owe(work)

    def owe(self, work: Work) -> None:
        """This lease was lost though nobody died of the work: the attempt is forgotten by `make_up`."""
        if len(self._owed) < MOST_OWED:
            self._owed.append(work)

    async def make_up(self) -> None:
        """Forgets attempts that are owed, and first ends the leases of the process that died under this name.

        Raises Transient while the database takes nothing.
        """
        if not self._has_taken_back:
            await self._queue.take_back()
            self._has_taken_back = True
        while self._owed:
            await self._queue.release(self._owed[-1], in_seconds=0.0, counted=False)
            self._owed.pop()

    async def hand_back(self, works: Iterable[Work]) -> None:
        """At the end: the work is due at once for another process."""
        left = list(works)
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                await asyncio.gather(*(self.back(work, in_seconds=0.0, counted=False) for work in left))
        except TimeoutError:
            log.warning(
                "Leases could not be handed back in time; they expire.",
                event_name="leases_not_released",
                works=len(left),
            )
