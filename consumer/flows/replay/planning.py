"""Plans a replay: which packages would change, why, and what that would cost. Publishes nothing and pays for nothing.

Sessions are folded and bundled as in drafting. Each bundle is compared with the last package of its request.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Protocol

from consumer.domain.bundle import bundle
from consumer.domain.events import SessionKey
from consumer.domain.replay.plan import Plan, plan_of
from consumer.domain.replay.weighing import Candidate, DraftSource, KnownDraft, Weighed, weigh
from consumer.domain.session import session
from consumer.domain.session.history import SessionHistory
from consumer.flows.pacing import in_turns
from schemas.packages import Cause, PackageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which requests are planned, of those that have a package. A field that is not given excludes none."""

    tenants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    since: datetime | None = None
    """Only requests whose last package was made then or later."""
    until: datetime | None = None
    """Only requests whose last package was made before."""
    status: PackageStatus | None = None
    prompt_version: str | None = None
    model: str | None = None
    cause: Cause | None = None
    rejected: bool = False
    """Only requests whose last package was rejected by its reader."""
    limit: int | None = None


class PlanSource(Protocol):
    """The stored requests, sessions and drafts. Every method raises Transient while the database is away."""

    def candidates(self, chosen: Chosen) -> AsyncIterator[Sequence[Candidate]]:
        """Yields the chosen requests in pieces, ordered by tenant and session."""

    async def history(self, key: SessionKey) -> SessionHistory | None: ...

    async def drafts(self, key: SessionKey) -> list[KnownDraft]:
        """Returns all drafts of the session, the newest first."""


class Planner:
    """Weighs every chosen request. It only reads."""

    def __init__(self, *, source: PlanSource, model_name: str, calls_at_once: int) -> None:
        self._source = source
        self._model_name = model_name
        self._calls_at_once = calls_at_once

    async def plan(self, chosen: Chosen, *, looked_at: Callable[[int], None] = lambda _: None) -> Plan:
        """Calls `looked_at` with the number of requests looked at since the last call. Raises Transient."""
        weighed: list[Weighed] = []
        sessions = requests = 0
        async for piece in self._source.candidates(chosen):
            async for key, group in in_turns(groupby(piece, key=lambda candidate: candidate.key.session)):
                candidates = list(group)
                sessions += 1
                requests += len(candidates)
                weighed += await self._weigh(key, candidates)
                looked_at(len(candidates))
        return plan_of(
            weighed,
            model_name=self._model_name,
            sessions=sessions,
            requests=requests,
            calls_at_once=self._calls_at_once,
            at=datetime.now(UTC),
        )

    async def _weigh(self, key: SessionKey, candidates: Sequence[Candidate]) -> list[Weighed]:
        history = await self._source.history(key)
        if history is None or history.erased or not history.events:
            return []
        drafts = await self._source.drafts(key)
        folded = session.fold(key, history.events)
        weighed: list[Weighed] = []
        paid: set[str] = set()
        for candidate in candidates:
            if not candidate.policy.uses_model:
                continue  # no replay gives it another text
            built = bundle.build(folded, reason=candidate.reason, language=candidate.policy.language)
            result = weigh(candidate, built, drafts, model_name=self._model_name, paid=paid)
            if result.item.source is DraftSource.CALL:
                paid.add(built.sha256)
            weighed.append(result)
        return weighed
