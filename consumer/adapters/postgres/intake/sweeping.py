"""Known secrets of sessions: stores their fingerprints, and sweeps the texts that were stored before.

Runs inside the inbox's transaction, with the sessions locked.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import asyncpg

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.operation import proofs
from consumer.domain.arrival import door
from consumer.domain.arrival.deadletters import cut
from consumer.domain.events import SessionKey
from consumer.domain.package import redaction
from consumer.domain.redaction import FoundSecret, KnownSecret, Learned, Redactor, Sweeper
from consumer.flows.pacing import in_turns

_queries = Queries("secrets")
_evictions = Queries("evictions")

Sweepers = Mapping[SessionKey, Sweeper]


async def learn(
    connection: Connection,
    redactor: Redactor,
    marked: Collection[SessionKey],
    door_secrets: Mapping[SessionKey, Mapping[str, FoundSecret]],
    arriving: Collection[SessionKey],
) -> tuple[Sweepers, Sweepers]:
    """Stores the new secrets among `door_secrets`. Returns the sweepers for arriving texts, and those for stored texts.

    The first are for sessions with secrets and `arriving` texts, the second for sessions with new secrets.
    `marked` are the sessions of the batch for which secrets are stored.
    """
    known: defaultdict[SessionKey, dict[str, KnownSecret]] = defaultdict(dict)
    if sessions := sorted(key for key in marked if key in arriving or key in door_secrets):
        for row in await connection.fetch(_queries.known, *columns(sessions, 2)):
            secret = KnownSecret.unpacked(row["kind"], row["identity"], row["forms"])
            known[SessionKey(row["tenant_id"], row["session_id"])][secret.identity] = secret
    learned: dict[SessionKey, Learned] = {}
    for key in {*known, *door_secrets}:
        if key in arriving or not door_secrets[key].keys() <= known.get(key, {}).keys():
            scope, secrets = redactor.scope(*key), door_secrets.get(key, {})
            fresh = [secret async for secret in in_turns(scope.fresh(known.get(key, {}), secrets))]
            learned[key] = scope.learned(known.get(key, {}), fresh, secrets)
    grown = {key: result for key, result in learned.items() if result.fresh}
    if grown:
        new = [(key, secret) for key in sorted(grown) for secret in grown[key].fresh]
        rows = [(*key, secret.identity, secret.kind.value, secret.packed_forms()) for key, secret in new]
        await connection.execute(_queries.remember, *columns(rows, 5))
    sweepers_for_stored = {key: result.stored for key, result in grown.items()}
    return {key: result.arriving for key, result in learned.items()}, sweepers_for_stored


async def sweepers_of_ids(
    connection: Connection, redactor: Redactor, session_ids: Collection[str]
) -> Mapping[str, tuple[Sweeper, ...]]:
    """The sweepers of all sessions of these ids, whichever their tenants: for records whose tenant is unknown.

    The sessions are not locked: a secret that another transaction stores at the same time may be missed.
    """
    known: defaultdict[SessionKey, list[KnownSecret]] = defaultdict(list)
    if session_ids:
        for row in await connection.fetch(_queries.of_session_ids, sorted(session_ids)):
            secret = KnownSecret.unpacked(row["kind"], row["identity"], row["forms"])
            known[SessionKey(row["tenant_id"], row["session_id"])].append(secret)
    sweepers: defaultdict[str, tuple[Sweeper, ...]] = defaultdict(tuple)
    for key, secrets in known.items():
        sweepers[key.session_id] += (redactor.scope(*key).sweeper(secrets),)
    return sweepers


async def rewrite(connection: Connection, sweepers: Sweepers) -> frozenset[SessionKey]:
    """Sweeps everything that is stored of these sessions. Drafts that hold a secret are deleted.

    Returns the sessions with an event or a request's reason that changed. A package that could be proven from its
    events before can still be proven afterwards.
    """
    keys = columns(sorted(sweepers), 2)
    before = await proofs.digests(connection, sweepers.keys())
    changed = await _rewrite_events(connection, sweepers, keys) | await _rewrite_reasons(connection, sweepers, keys)
    await connection.fetch(_evictions.put_drafted, *keys)
    drafts = await connection.fetch(_queries.drafts, *keys)
    spoiled = [tuple(row)[:5] for row, _ in await _changes(drafts, sweepers, "answer", Sweeper.text)]
    if spoiled:
        await connection.execute(_queries.forget_drafts, *columns(spoiled, 5))
    await _rewrite_packages(connection, sweepers, keys)
    if changed:
        await proofs.note_redaction(connection, before)
    await _rewrite_letters(connection, sweepers, keys)
    await _rewrite_feedback(connection, sweepers, keys)
    return changed


async def _rewrite_events(
    connection: Connection, sweepers: Sweepers, keys: list[list[object]]
) -> frozenset[SessionKey]:
    rows = []
    async for row in in_turns(await connection.fetch(_queries.events, *keys)):
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
    reasons = await _changes(await connection.fetch(_queries.reasons, *keys), sweepers, "reason", Sweeper.text)
    if reasons:
        rows = [(row["tenant_id"], row["session_id"], row["request_id"], text) for row, text in reasons]
        await connection.execute(_queries.rewrite_reasons, *columns(rows, 4))
    return frozenset(SessionKey(row["tenant_id"], row["session_id"]) for row, _ in reasons)


async def _rewrite_packages(connection: Connection, sweepers: Sweepers, keys: list[list[object]]) -> None:
    """Sweeps stored packages and the outbox. Records that were published stay on their topics."""
    packages = await _changes(await connection.fetch(_queries.packages, *keys), sweepers, "event", redaction.published)
    if packages:
        rows = [(row["package_id"], text, redaction.content_sha256(text)) for row, text in packages]
        await connection.execute(_queries.rewrite_packages, *columns(rows, 3))
    unpublished: dict[int, str] = {}
    async for row in in_turns(await connection.fetch(_queries.unpublished, *keys)):
        before = unpublished.get(row["id"]) or row["value"].decode()
        after = redaction.published(_sweeper(sweepers, row), before)
        if after != before:
            unpublished[row["id"]] = after
    if unpublished:
        values = [(row_id, text.encode()) for row_id, text in unpublished.items()]
        await connection.execute(_queries.rewrite_outbox, *columns(values, 2))


async def _rewrite_letters(connection: Connection, sweepers: Sweepers, keys: list[list[object]]) -> None:
    """Sweeps refused records. An unreadable one may come several times: it is swept for each tenant's session."""
    letters: dict[tuple[object, ...], tuple[str | None, ...]] = {}
    async for row in in_turns(await connection.fetch(_queries.letters, *keys)):
        place, sweeper = tuple(row)[2:6], _sweeper(sweepers, row)
        before = letters.get(place) or tuple(row)[6:]
        excerpt, *others = (text and sweeper.text(text) for text in before)
        if (after := (cut(excerpt or ""), *others)) != before:
            letters[place] = after
    if letters:
        await connection.execute(
            _queries.rewrite_letters, *columns([(*at, *texts) for at, texts in letters.items()], 9)
        )


async def _rewrite_feedback(connection: Connection, sweepers: Sweepers, keys: list[list[object]]) -> None:
    feedback = await _changes(await connection.fetch(_queries.feedback, *keys), sweepers, "said", door.swept_data)
    if feedback:
        rows = [(row["tenant_id"], row["session_id"], row["event_id"], text) for row, text in feedback]
        await connection.execute(_queries.rewrite_feedback, *columns(rows, 4))


async def _changes(
    rows: Iterable[asyncpg.Record], sweepers: Sweepers, column: str, sweep: Callable[[Sweeper, str], str]
) -> list[tuple[asyncpg.Record, str]]:
    """The rows whose text changes when it is swept, each with its new text."""
    changed = []
    async for row in in_turns(rows):
        text = sweep(_sweeper(sweepers, row), row[column])
        if text != row[column]:
            changed.append((row, text))
    return changed


def _sweeper(sweepers: Sweepers, row: asyncpg.Record) -> Sweeper:
    return sweepers[SessionKey(row["tenant_id"], row["session_id"])]
