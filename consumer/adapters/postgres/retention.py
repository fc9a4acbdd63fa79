"""Retention in the tables: deletes the old content and old keys of a page of sessions in one transaction."""

from collections.abc import Collection, Sequence

import asyncpg

from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.erasure import tickets_of
from consumer.domain.events import SessionKey
from consumer.flows.retention import Page, RetentionRules, Trimmed

_queries = Queries("retention")
_spend = Queries("spend")
_erasure = Queries("erasure")
_evictions = Queries("evictions")

PAGE = 1000
"""Sessions that one page looks at."""
_CALLS_SECONDS = 400 * 86_400.0
"""Single calls to models are known for so long; their sums by day stay."""
BATCH = 100
"""Sessions that one transaction trims at most: a few thousand rows, locked for some 10 ms."""

Keys = Sequence[SessionKey]


class PostgresTrimmer:
    """Implements the port `flows.retention.Trimmer`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def count(self) -> int:
        """The number of sessions, for a progress bar."""
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

    async def trim(self, page: Page, rules: RetentionRules, *, dry_run: bool) -> Trimmed:
        async with transaction(self._pool, readonly=dry_run) as connection:
            trimmed = await _trim(connection, page.old, rules, dry_run=dry_run)
            if page.after is None:
                trimmed += await _trim_dead_letters(connection, rules, dry_run=dry_run)
            if rules.keys_seconds is not None and page.forgettable and not dry_run:
                trimmed += await _forget(connection, page.forgettable, rules.keys_seconds)
        return trimmed


def _cut(page: list[asyncpg.Record]) -> tuple[list[asyncpg.Record], bool]:
    """Cuts the page after its first BATCH old or forgettable sessions. Also returns whether it is still whole."""
    to_trim = [number for number, row in enumerate(page) if row["is_old"] or row["is_forgettable"]]
    if len(to_trim) <= BATCH:
        return page, True
    return page[: to_trim[BATCH - 1] + 1], False


async def _trim(connection: Connection, old: Keys, rules: RetentionRules, *, dry_run: bool) -> Trimmed:
    if old and not dry_run:
        locked = await connection.fetch(_queries.lock_sessions, *columns(old, 2), rules.content_seconds)
        old = [_key(row) for row in locked]
        await connection.execute(_queries.lock_requests, *columns(old, 2))
    if not old:
        return Trimmed()
    # Hazard: only under the locks is it certain that no work is left for these sessions.
    rows = await connection.fetch(_queries.trimmable, *columns(old, 2), rules.content_seconds, rules.window_seconds)
    keys = [_key(row) for row in rows]
    if keys and not dry_run:
        await _forget_content(connection, keys)
    return Trimmed(
        sessions=len(keys),
        events=sum(row["events"] for row in rows),
        packages=sum(row["packages"] for row in rows),
        drafts=sum(row["drafts"] for row in rows),
    )


async def _forget_content(connection: Connection, keys: Keys) -> None:
    tickets = await tickets_of(connection, keys)
    sessions = columns(keys, 2)
    for statement in (
        _erasure.forget_packages,
        _erasure.forget_doubts,
        _erasure.forget_drafts,
        _erasure.forget_events,
        _queries.forget_texts,
        _queries.forget_feedback_texts,
        _evictions.put,
    ):
        await connection.execute(statement, *sessions)
    rows = [(*key, ticket.model_dump_json() if (ticket := tickets.get(key)) else None) for key in keys]
    await connection.execute(_queries.mark_sessions, *columns(rows, 3))


async def _trim_dead_letters(connection: Connection, rules: RetentionRules, *, dry_run: bool) -> Trimmed:
    """At most 10,000 excerpts and 10,000 dead letters, in one step: they are few. A later run takes the rest."""
    if dry_run:
        return Trimmed(excerpts=int(await connection.fetchval(_queries.count_excerpts, rules.content_seconds)))
    await connection.execute(_spend.forget_calls, _CALLS_SECONDS, 10 * PAGE)
    emptied = await connection.fetch(_queries.forget_excerpts, rules.content_seconds, 10 * PAGE)
    if rules.keys_seconds is not None:
        age = rules.content_seconds + rules.keys_seconds
        await connection.fetch(_queries.forget_dead_letters, age, 10 * PAGE)
        await connection.execute(_queries.forget_settled_dead_letters, age, 10 * PAGE)
        await connection.execute(_queries.forget_dead_letter_jobs, age, 10 * PAGE)
    return Trimmed(excerpts=len(emptied))


async def _forget(connection: Connection, keys: Collection[SessionKey], age_seconds: float) -> Trimmed:
    rows = await connection.fetch(_queries.lock_forgettable, *columns(sorted(keys), 2), age_seconds)
    locked = columns([_key(row) for row in rows], 2)
    for statement in (
        _queries.forget_requests,
        _erasure.forget_feedback,
        _erasure.forget_secrets,
        _queries.forget_sessions,
    ):
        await connection.execute(statement, *locked)
    return Trimmed(keys=len(rows))


def _key(row: asyncpg.Record) -> SessionKey:
    return SessionKey(row["tenant_id"], row["session_id"])
