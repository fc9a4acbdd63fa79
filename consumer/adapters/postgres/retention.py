"""Old content and old keys, out of the tables: one page, one transaction."""

from collections.abc import Collection, Sequence

import asyncpg

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.erasure import tickets_of
from consumer.domain.events import SessionKey
from consumer.flows.retention import Page, RetentionRules, Trimmed, TrimmedPage

_queries = Queries("trimming")
_erasure = Queries("erasure")

PAGE = 1000
"""Sessions on a page."""
BATCH = 100
"""Sessions whose content leaves in one step: a few thousand rows, some 10 ms under lock."""

Keys = Sequence[SessionKey]


class PostgresTrimmer:
    """A `flows.retention.Trimmer`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def count(self) -> int:
        """Sessions, for a progress bar."""
        async with reachable(self._pool):
            return int(await self._pool.fetchval(_queries.count))

    async def page(self, after: SessionKey | None, rules: RetentionRules) -> Page:
        async with reachable(self._pool):
            rows = await self._pool.fetch(
                _queries.page, *(after or ("", "")), PAGE, rules.content_seconds, rules.keys_seconds
            )
        rows, whole = _cut(rows)
        ended = whole and len(rows) < PAGE
        return Page(
            after=after,
            old=tuple(_key(row) for row in rows if row["is_old"]),
            forgettable=tuple(_key(row) for row in rows if row["is_forgettable"]),
            looked_at=len(rows),
            last=None if ended else _key(rows[-1]),
        )

    async def trim(self, page: Page, rules: RetentionRules, *, dry_run: bool) -> TrimmedPage:
        async with (
            reachable(self._pool),
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection,
            connection.transaction(readonly=dry_run),
        ):
            trimmed, gone = await _trim(connection, page.old, rules, dry_run=dry_run)
            if page.after is None:
                trimmed += await _trim_dead_letters(connection, rules, dry_run=dry_run)
            if rules.keys_seconds is not None and page.forgettable and not dry_run:
                trimmed += await _forget(connection, page.forgettable, rules.keys_seconds)
        return TrimmedPage(trimmed=trimmed, gone=gone)


def _cut(page: list[asyncpg.Record]) -> tuple[list[asyncpg.Record], bool]:
    """The page up to its last session that still fits into the batch; whether that is all of it."""
    concerned = [number for number, row in enumerate(page) if row["is_old"] or row["is_forgettable"]]
    if len(concerned) <= BATCH:
        return page, True
    return page[: concerned[BATCH - 1] + 1], False


async def _trim(
    connection: Connection, old: Keys, rules: RetentionRules, *, dry_run: bool
) -> tuple[Trimmed, tuple[SessionKey, ...]]:
    if old and not dry_run:
        locked = await connection.fetch(_queries.lock_sessions, *columns(old, 2), rules.content_seconds)
        old = [_key(row) for row in locked]
        await connection.execute(_queries.lock_requests, *columns(old, 2))
    if not old:
        return Trimmed(), ()
    # Hazard: only now, under the locks, is it so that nothing is to be done for them.
    rows = await connection.fetch(_queries.trimmable, *columns(old, 2), rules.content_seconds, rules.window_seconds)
    keys = [_key(row) for row in rows]
    if keys and not dry_run:
        await _forget_content(connection, keys)
    trimmed = Trimmed(
        sessions=len(keys),
        events=sum(row["events"] for row in rows),
        packages=sum(row["packages"] for row in rows),
        drafts=sum(row["drafts"] for row in rows),
    )
    return trimmed, () if dry_run else tuple(keys)


async def _forget_content(connection: Connection, keys: Keys) -> None:
    tickets = await tickets_of(connection, keys)
    concerned = columns(keys, 2)
    for statement in (
        _erasure.forget_packages,
        _erasure.forget_drafts,
        _erasure.forget_events,
        _queries.forget_texts,
    ):
        await connection.execute(statement, *concerned)
    rows = [(*key, ticket.model_dump_json() if (ticket := tickets.get(key)) else None) for key in keys]
    await connection.execute(_queries.mark_sessions, *columns(rows, 3))


async def _trim_dead_letters(connection: Connection, rules: RetentionRules, *, dry_run: bool) -> Trimmed:
    """All of them at once: they are few, and a step more does no harm."""
    if dry_run:
        return Trimmed(excerpts=int(await connection.fetchval(_queries.count_excerpts, rules.content_seconds)))
    found = await connection.fetch(_queries.forget_excerpts, rules.content_seconds, 10 * PAGE)
    if rules.keys_seconds is not None:
        age = rules.content_seconds + rules.keys_seconds
        await connection.fetch(_queries.forget_dead_letters, age, 10 * PAGE)
    return Trimmed(excerpts=len(found))


async def _forget(connection: Connection, keys: Collection[SessionKey], age_seconds: float) -> Trimmed:
    rows = await connection.fetch(_queries.lock_forgettable, *columns(sorted(keys), 2), age_seconds)
    gone = columns([_key(row) for row in rows], 2)
    for statement in (_queries.forget_requests, _erasure.forget_secrets, _queries.forget_sessions):
        await connection.execute(statement, *gone)
    return Trimmed(keys=len(rows))


def _key(row: asyncpg.Record) -> SessionKey:
    return SessionKey(row["tenant_id"], row["session_id"])
