"""Known secrets of sessions: read, remembered, and swept out of whatever was stored before they were known.

Runs inside the inbox's transaction, with the sessions locked.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import asyncpg

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.operation import proofs
from consumer.domain.arrival import door
from consumer.domain.arrival.deadletters import cut
from consumer.domain.events import SessionKey
from consumer.domain.package import redaction
from consumer.domain.redaction import FoundSecret, KnownSecret, Redactor, Sweeper

_queries = Queries("secrets")

Sweepers = Mapping[SessionKey, Sweeper]


async def learn(
    connection: Connection,
    redactor: Redactor,
    marked: Collection[SessionKey],
    found: Mapping[SessionKey, Mapping[str, FoundSecret]],
    arriving: Collection[SessionKey],
) -> tuple[Sweepers, Sweepers]:
    """Remembers what was `found`. Returns the sweepers for what arrives, and those for what is stored.

    The first are of the sessions with secrets for which texts are `arriving`, the second of those with new ones.
    `marked` are the sessions of the batch that are known to have some.
    """
    known: defaultdict[SessionKey, dict[str, KnownSecret]] = defaultdict(dict)
    if asked := sorted(key for key in marked if key in arriving or key in found):
        for row in await connection.fetch(_queries.known, *columns(asked, 2)):
            secret = KnownSecret.unpacked(row["kind"], row["identity"], row["forms"])
            known[SessionKey(row["tenant_id"], row["session_id"])][secret.identity] = secret
    learned = {
        key: redactor.scope(*key).learn(known.get(key, {}), found.get(key, {}))
        for key in {*known, *found}
        if key in arriving or not found[key].keys() <= known.get(key, {}).keys()
    }
    grown = {key: each for key, each in learned.items() if each.fresh}
    if grown:
        fresh = [(key, secret) for key in sorted(grown) for secret in grown[key].fresh]
        rows = [(*key, secret.identity, secret.kind.value, secret.packed_forms()) for key, secret in fresh]
        await connection.execute(_queries.remember, *columns(rows, 5))
        unmarked = grown.keys() - set(marked)
        if unmarked:
            await connection.execute(_queries.mark_sessions, *columns(sorted(unmarked), 2))
    return {key: each.arriving for key, each in learned.items()}, {key: each.stored for key, each in grown.items()}


class Swept(NamedTuple):
    changed: frozenset[SessionKey]
    """Sessions whose events or reasons changed."""
    drafted: frozenset[SessionKey]
    """Sessions that had drafts: copies of them may be elsewhere."""


async def rewrite(connection: Connection, sweepers: Sweepers) -> Swept:
    """Sweeps what is stored of these sessions."""
    keys = columns(sorted(sweepers), 2)
    before = await proofs.digests(connection, sweepers.keys())
    changed = await _rewrite_events(connection, sweepers, keys) | await _rewrite_reasons(connection, sweepers, keys)
    drafts = await connection.fetch(_queries.drafts, *keys)
    gone = [tuple(row)[:5] for row in drafts if _sweeper(sweepers, row).text(row["answer"]) != row["answer"]]
    if gone:
        await connection.execute(_queries.forget_drafts, *columns(gone, 5))
    await _rewrite_packages(connection, sweepers, keys)
    if changed:
        await proofs.note_redaction(connection, before)
    excerpts = _changes(
        await connection.fetch(_queries.excerpts, *keys),
        sweepers,
        "excerpt",
        lambda sweeper, text: cut(sweeper.text(text)),
    )
    if excerpts:
        rows = [(row["topic"], row["partition"], row["offset"], text) for row, text in excerpts]
        await connection.execute(_queries.rewrite_excerpts, *columns(rows, 4))
    return Swept(changed, frozenset(SessionKey(row["tenant_id"], row["session_id"]) for row in drafts))


async def _rewrite_events(
    connection: Connection, sweepers: Sweepers, keys: list[list[object]]
) -> frozenset[SessionKey]:
    rows = []
    for row in await connection.fetch(_queries.events, *keys):
        sweeper = _sweeper(sweepers, row)
        actor = None if row["actor"] is None else sweeper.text(row["actor"])
        data = None if row["data"] is None else door.swept_data(sweeper, row["data"])
        if actor != row["actor"] or data != row["data"]:
            rows.append((row["tenant_id"], row["session_id"], row["version"], actor, data))
    if rows:
        await connection.execute(_queries.rewrite_events, *columns(rows, 5))
    return frozenset(SessionKey(row[0], row[1]) for row in rows)


async def _rewrite_reasons(
    connection: Connection, sweepers: Sweepers, keys: list[list[object]]
) -> frozenset[SessionKey]:
    reasons = _changes(await connection.fetch(_queries.reasons, *keys), sweepers, "reason", Sweeper.text)
    if reasons:
        rows = [(row["tenant_id"], row["session_id"], row["request_id"], text) for row, text in reasons]
        await connection.execute(_queries.rewrite_reasons, *columns(rows, 4))
    return frozenset(SessionKey(row["tenant_id"], row["session_id"]) for row, _ in reasons)


async def _rewrite_packages(connection: Connection, sweepers: Sweepers, keys: list[list[object]]) -> None:
    """What has been published stays on its topic; what is stored, or waits to be published, does not."""
    packages = _changes(await connection.fetch(_queries.packages, *keys), sweepers, "event", redaction.published)
    if packages:
        rows = [(row["package_id"], text, redaction.content_sha256(text)) for row, text in packages]
        await connection.execute(_queries.rewrite_packages, *columns(rows, 3))
    waiting = []
    for row in await connection.fetch(_queries.unpublished, *keys):
        before = row["value"].decode()
        after = redaction.published(_sweeper(sweepers, row), before)
        if after != before:
            waiting.append((row["id"], after.encode()))
    if waiting:
        await connection.execute(_queries.rewrite_outbox, *columns(waiting, 2))


def _changes(
    rows: Iterable[asyncpg.Record], sweepers: Sweepers, column: str, sweep: Callable[[Sweeper, str], str]
) -> list[tuple[asyncpg.Record, str]]:
    changed = []
    for row in rows:
        text = sweep(_sweeper(sweepers, row), row[column])
        if text != row[column]:
            changed.append((row, text))
    return changed


def _sweeper(sweepers: Sweepers, row: asyncpg.Record) -> Sweeper:
    return sweepers[SessionKey(row["tenant_id"], row["session_id"])]
