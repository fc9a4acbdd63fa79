"""Stores refused records as dead letters: each once, without secrets, and without content of erased sessions.

Runs inside the inbox's transaction, with the sessions locked.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import asyncpg

from consumer.adapters.postgres.core.faults import is_of_the_data
from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.sweeping import Sweepers
from consumer.domain.arrival import deadletters
from consumer.domain.events import Decoded, Origin, Refusal, SessionKey
from schemas.dead_letters import RefusalReason
from schemas.topics import Topics

_queries = Queries("refusals")


class NewRefusals(NamedTuple):
    """The refusals that are new. A record that is read again was counted and published before; so was a settled one."""

    reasons: Counter[str]
    """Refusals by reason."""
    records: list[deadletters.DeadLetterRecord]
    """The dead letters to publish."""


async def store_refusals(
    connection: Connection,
    refused: Collection[Refusal],
    *,
    erased: Collection[SessionKey],
    sweepers: Sweepers,
    topics: Topics,
    now: datetime,
) -> NewRefusals:
    """Stores the refusals. Returns those that are new."""
    new = NewRefusals(Counter(), [])
    if not refused:
        return new
    erased_names = await _erased_names(connection, refused)
    ready = {refusal.origin: _cleaned(refusal, erased, erased_names, sweepers) for refusal in refused}
    rows = [
        (
            *origin,
            deadletters.key_of(refusal),
            *deadletters.place_of(refusal),
            refusal.reason.value,
            refusal.error,
            refusal.excerpt,
            refusal.request_id,
        )
        for origin, refusal in ready.items()
    ]
    put = {_origin(row) for row in await connection.fetch(_queries.put_dead_letters, *columns(rows, 11))}
    if put:
        put -= {_origin(row) for row in await connection.fetch(_queries.take_back_settled, *columns(sorted(put), 4))}
    for origin in sorted(put):
        refusal = ready[origin]
        new.reasons[refusal.reason.value] += 1
        new.records.append(deadletters.record_of(refusal, topics, now))
    return new


def unstorable(decoded: Decoded, error: Exception) -> Decoded:
    """The refusal of a record that was accepted but cannot be stored. A dead letter beats a stuck partition."""
    of_the_data = is_of_the_data(error)
    what = "the store refuses it" if of_the_data else "the service cannot store it"
    refusal = Refusal(
        origin=decoded.arrival.origin,
        record_key=decoded.record_key,
        session=None,
        reason=RefusalReason.INVALID if of_the_data else RefusalReason.INTERNAL,
        error=f"{what}: {type(error).__name__}",
        excerpt="",
    )
    return Decoded(refusal, decoded.record_key)


def _origin(row: asyncpg.Record) -> Origin:
    return Origin(row["topic"], row["partition"], row["offset"], row["record_ms"])


async def _erased_names(connection: Connection, refused: Iterable[Refusal]) -> frozenset[str]:
    """The session ids that unreadable records name by their keys and that are erased for any tenant."""
    named = {deadletters.place_of(refusal)[1] for refusal in refused if refusal.session is None} - {None}
    if not named:
        return frozenset()
    return frozenset(row["session_id"] for row in await connection.fetch(_queries.erased_names, sorted(named, key=str)))


def _cleaned(
    refusal: Refusal, erased: Collection[SessionKey], erased_names: Collection[str], sweepers: Sweepers
) -> Refusal:
    """The refusal as it may be stored and published: its texts are swept by the session's known secrets, then cut.

    They are empty when the session is, or may be, an erased one.
    """
    if refusal.session in erased or (refusal.session is None and deadletters.place_of(refusal)[1] in erased_names):
        return replace(refusal, excerpt="", request_id=None)
    sweeper = sweepers.get(refusal.session) if refusal.session else None
    if sweeper is None:
        return replace(refusal, excerpt=deadletters.cut(refusal.excerpt))
    named = None if refusal.request_id is None else sweeper.text(refusal.request_id)
    return replace(refusal, excerpt=deadletters.cut(sweeper.text(refusal.excerpt)), request_id=named)
