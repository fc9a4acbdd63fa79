"""Stores refused records as dead letters: each once, without secrets, and without content of erased sessions.

Runs inside the inbox's transaction, with the sessions locked.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import asyncpg

from consumer.adapters.postgres.core.faults import is_of_the_data
from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.sweeping import Sweepers, sweepers_of_ids
from consumer.domain.arrival import deadletters
from consumer.domain.events import Decoded, Origin, Refusal, SessionKey
from consumer.domain.redaction import Redactor, Sweeper
from schemas.dead_letters import RefusalReason
from schemas.topics import Topics

_queries = Queries("refusals")


class NewRefusals(NamedTuple):
    """The refusals that are new. A record that is read again was counted and published before; so was a settled one."""

    reasons: Counter[str]
    """Refusals by reason."""
    records: list[deadletters.DeadLetterRecord]
    """The dead letters to publish."""
    refusals: list[Refusal]


async def store_refusals(
    connection: Connection,
    refused: Collection[Refusal],
    *,
    erased: Collection[SessionKey],
    sweepers: Sweepers,
    redactor: Redactor,
    topics: Topics,
    now: datetime,
) -> NewRefusals:
    """Stores the refusals. Returns those that are new. `sweepers` are those of the sessions of readable ones."""
    new = NewRefusals(Counter(), [], [])
    if not refused:
        return new
    named = {name for refusal in refused if refusal.session is None and (name := deadletters.place_of(refusal)[1])}
    erased_names = await _erased_names(connection, named)
    by_name = await sweepers_of_ids(connection, redactor, named)
    ready = {
        refusal.origin: _cleaned(
            refusal,
            is_erased=_is_erased(refusal, erased, erased_names),
            sweepers=_sweepers_for(refusal, sweepers, by_name),
        )
        for refusal in refused
    }
    rows = [
        (
            *origin,
            deadletters.key_of(refusal),
            *deadletters.place_of(refusal),
            refusal.reason.value,
            refusal.error,
            refusal.excerpt,
            refusal.request_id,
            refusal.source,
        )
        for origin, refusal in ready.items()
    ]
    put = {_origin(row) for row in await connection.fetch(_queries.put_dead_letters, *columns(rows, 12))}
    if put:
        put -= {_origin(row) for row in await connection.fetch(_queries.take_back_settled, *columns(sorted(put), 4))}
    for origin in sorted(put):
        refusal = ready[origin]
        new.reasons[refusal.reason.value] += 1
        new.records.append(deadletters.record_of(refusal, topics, now))
        new.refusals.append(refusal)
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


async def _erased_names(connection: Connection, named: Collection[str]) -> frozenset[str]:
    """Those of the session ids, which unreadable records name by their keys, that are erased for any tenant."""
    if not named:
        return frozenset()
    return frozenset(row["session_id"] for row in await connection.fetch(_queries.erased_names, sorted(named)))


def _is_erased(refusal: Refusal, erased: Collection[SessionKey], erased_names: Collection[str]) -> bool:
    if refusal.session is not None:
        return refusal.session in erased
    return deadletters.place_of(refusal)[1] in erased_names


def _sweepers_for(
    refusal: Refusal, sweepers: Sweepers, by_name: Mapping[str, tuple[Sweeper, ...]]
) -> tuple[Sweeper, ...]:
    """Those of its session. An unreadable record, whose tenant is unknown, may belong to any session of that id."""
    if refusal.session is not None:
        return (sweepers[refusal.session],) if refusal.session in sweepers else ()
    return by_name.get(deadletters.place_of(refusal)[1] or "", ())


def _cleaned(refusal: Refusal, *, is_erased: bool, sweepers: Collection[Sweeper]) -> Refusal:
    """The refusal as it may be stored and published: its texts are swept by the session's known secrets, then cut.

    They are empty when the session is, or may be, an erased one.
    """
    if is_erased:
        return replace(refusal, excerpt="", request_id=None, source=None)
    excerpt, named, source = refusal.excerpt, refusal.request_id, refusal.source
    for sweeper in sweepers:
        excerpt, named, source = sweeper.text(excerpt), named and sweeper.text(named), source and sweeper.text(source)
    source = source and source[: deadletters.SOURCE_CHARACTERS]
    return replace(refusal, excerpt=deadletters.cut(excerpt), request_id=named, source=source)
