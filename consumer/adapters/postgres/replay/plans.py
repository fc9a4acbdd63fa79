"""Plans of replays in the tables: reads the candidates and their drafts, stores plans, and reads planned items."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict

import asyncpg

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.reader import versions
from consumer.domain.replay.plan import Plan
from consumer.domain.replay.weighing import Candidate, KnownDraft, PlanItem
from consumer.domain.request.work import LastPackage
from consumer.domain.session.history import SessionHistory
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.flows.replay.comparing import PlannedItem
from consumer.flows.replay.planning import Chosen
from schemas.packages import PackageReady

_queries = Queries("replays")
_sessions = Queries("sessions")
_PIECE = 500
_FIRST = ("", "", "")


class PostgresPlans:
    """Implements the port `flows.replay.desk.PlanStore`.

    Raises Transient while the database is away.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def candidates(self, chosen: Chosen) -> AsyncIterator[Sequence[Candidate]]:
        """All requests of a session come in one piece."""
        seen: tuple[str, ...] = _FIRST
        left = chosen.limit
        held: list[Candidate] = []
        while left is None or left > 0:
            piece = _PIECE if left is None else min(left, _PIECE)
            async with reachable(self._pool):
                rows = await self._pool.fetch(_queries.candidates, *_arguments(chosen), *seen, piece)
            candidates = [_candidate(row) for row in rows]
            held += candidates
            left = None if left is None else left - len(candidates)
            if len(candidates) < piece:
                break
            seen = tuple(candidates[-1].key)
            complete = [candidate for candidate in held if candidate.key.session != held[-1].key.session]
            held = held[len(complete) :]
            yield complete
        yield held

    async def history(self, key: SessionKey) -> SessionHistory | None:
        async with reachable(self._pool):
            return from_rows.history(key, await self._pool.fetch(_sessions.history, *key))

    async def drafts(self, key: SessionKey) -> list[KnownDraft]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.drafts_of, *key)
        drafts = []
        for row in rows:
            known = from_rows.known_draft(row)
            if known is not None:
                draft_key = DraftKey(*key, row["bundle_sha256"], row["prompt_version"], row["model"])
                drafts.append(KnownDraft(key=draft_key, entry=known if isinstance(known, LedgerEntry) else None))
        return drafts

    async def put(self, replay_id: str, chosen: Chosen, plan: Plan) -> None:
        """Stores the plan in one transaction. Leaves out items whose request has been deleted meanwhile."""
        async with transaction(self._pool) as connection:
            await connection.execute(
                _queries.put_replay,
                replay_id,
                versions.PROMPTS,
                plan.model,
                json.dumps({name: value for name, value in asdict(chosen).items() if value}, default=str),
                json.dumps(asdict(plan.figures)),
                None if plan.price is None else json.dumps(asdict(plan.price)),
            )
            rows = [_row(place, item) for place, item in enumerate(plan.items)]
            for start in range(0, len(rows), _PIECE):
                await connection.execute(_queries.put_items, replay_id, *columns(rows[start : start + _PIECE], 8))

    async def items(
        self, replay_id: str, *, request: str | None = None, session: str | None = None, limit: int
    ) -> list[PlannedItem]:
        """The items in the plan's order, without those whose request has no package any more."""
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.items, replay_id, request, session, limit)
        return [
            PlannedItem(
                candidate=_candidate(row),
                why=tuple(row["why"]),
                published=PackageReady.model_validate_json(row["event"]),
            )
            for row in rows
        ]


def _arguments(chosen: Chosen) -> tuple[object, ...]:
    """$1 to $10 of `candidates` in replays.sql."""
    return (
        list(chosen.tenants),
        list(chosen.sessions),
        list(chosen.requests),
        chosen.since,
        chosen.until,
        chosen.status,
        chosen.prompt_version,
        chosen.model,
        chosen.cause,
        chosen.rejected,
    )


def _candidate(row: asyncpg.Record) -> Candidate:
    last = from_rows.last(row)
    assert isinstance(last, LastPackage)  # noqa: S101 - the query takes requests with a package only
    return Candidate(
        key=RequestKey(row["tenant_id"], row["session_id"], row["request_id"]),
        reason=row["reason"],
        last=last,
        policy=from_rows.policy(row),
    )


def _row(place: int, item: PlanItem) -> tuple[object, ...]:
    return (*item.key, place, " ".join(item.why), item.source, item.renders, item.estimate_usd)
