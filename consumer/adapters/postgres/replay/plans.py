"""Plans of replays in the tables: what to choose from, and what was planned, as `flows.planning` needs them."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass

import asyncpg

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.replay.plan import Plan
from consumer.domain.replay.weighing import Candidate, KnownDraft, PlanItem
from consumer.domain.request.work import LastPackage
from consumer.domain.session.history import SessionHistory
from consumer.domain.writing import prompt
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.flows.replay.planning import Chosen
from schemas.packages import PackageReady

_queries = Queries("replays")
_sessions = Queries("sessions")
_PIECE = 500
_FIRST = ("", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """An item of a plan, with what was published last for its request."""

    candidate: Candidate
    why: tuple[str, ...]
    published: PackageReady


class PostgresPlans:
    """The `flows.planning.Shelves`, and the plans that were made of them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def candidates(self, chosen: Chosen) -> AsyncIterator[Sequence[Candidate]]:
        """A session's requests come in one piece."""
        seen: tuple[str, ...] = _FIRST
        left = chosen.limit
        held: list[Candidate] = []
        while left is None or left > 0:
            piece = _PIECE if left is None else min(left, _PIECE)
            async with reachable(self._pool):
                rows = await self._pool.fetch(_queries.candidates, *_arguments(chosen), *seen, piece)
            found = [_candidate(row) for row in rows]
            held += found
            left = None if left is None else left - len(found)
            if len(found) < piece:
                break
            seen = tuple(found[-1].key)
            whole = [one for one in held if one.key.session != held[-1].key.session]
            held = held[len(whole) :]
            yield whole
        yield held

    async def history(self, key: SessionKey) -> SessionHistory | None:
        async with reachable(self._pool):
            return from_rows.history(key, await self._pool.fetch(_sessions.history, *key))

    async def drafts(self, key: SessionKey) -> list[KnownDraft]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.drafts_of, *key)
        found = []
        for row in rows:
            known = from_rows.known_draft(row)
            if known is not None:
                at = DraftKey(*key, row["bundle_sha256"], row["prompt_version"], row["model"])
                found.append(KnownDraft(key=at, entry=known if isinstance(known, LedgerEntry) else None))
        return found

    async def put(self, replay_id: str, chosen: Chosen, plan: Plan) -> None:
        """Stores the plan, with the items of requests that are still there."""
        async with (
            reachable(self._pool),
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection,
            connection.transaction(),
        ):
            await connection.execute(
                _queries.put_replay,
                replay_id,
                prompt.VERSION,
                plan.model,
                json.dumps({name: value for name, value in asdict(chosen).items() if value}, default=str),
                json.dumps(asdict(plan.figures)),
                None if plan.price is None else json.dumps(asdict(plan.price)),
            )
            rows = [_row(place, item) for place, item in enumerate(plan.items)]
            for at in range(0, len(rows), _PIECE):
                await connection.execute(_queries.put_items, replay_id, *columns(rows[at : at + _PIECE], 8))

    async def items(
        self, replay_id: str, *, request: str | None = None, session: str | None = None, limit: int
    ) -> list[PlannedItem]:
        """In the plan's order; those whose request has no package any more are left out."""
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
    )


def _candidate(row: asyncpg.Record) -> Candidate:
    last = from_rows.last(row)
    assert isinstance(last, LastPackage)  # noqa: S101 - the query takes requests with a package only
    return Candidate(
        key=RequestKey(row["tenant_id"], row["session_id"], row["request_id"]), reason=row["reason"], last=last
    )


def _row(place: int, item: PlanItem) -> tuple[object, ...]:
    return (*item.key, place, " ".join(item.why), item.source, item.renders, item.estimate_usd)
