"""Refused records, kept and told of: each once, without a secret, and without a trace of an erased session."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.sweeping import Sweepers
from consumer.domain.arrival import deadletters
from consumer.domain.events import Decoded, Refusal, SessionKey
from schemas.dead_letters import RefusalReason
from schemas.topics import Topics

_queries = Queries("refusals")


class Told(NamedTuple):
    """The refusals that are new: a record that is read again is told of once."""

    reasons: Counter[str]
    records: list[deadletters.DeadLetterRecord]


async def tell(
    connection: Connection,
    refused: Collection[Refusal],
    *,
    erased: Collection[SessionKey],
    sweepers: Sweepers,
    topics: Topics,
    now: datetime,
) -> Told:
    """Keeps what was refused; the sessions are locked."""
    told = Told(Counter(), [])
    if not refused:
        return told
    nameless = await _erased_names(connection, refused)
    ready = {one.origin: _ready_to_tell(one, erased, nameless, sweepers) for one in refused}
    rows = [
        (*origin, one.record_key, *deadletters.place_of(one), one.reason.value, one.error, one.excerpt)
        for origin, one in ready.items()
    ]
    for row in await connection.fetch(_queries.put_dead_letters, *columns(rows, 9)):
        refusal = ready[row["topic"], row["partition"], row["offset"]]  # type: ignore[index]  # an Origin is that tuple
        told.reasons[refusal.reason.value] += 1
        told.records.append(deadletters.record_of(refusal, topics, now))
    return told


def unstorable(one: Decoded, error: Exception) -> Decoded:
    """A record that passed the gate and yet cannot be stored: better one dead letter than a partition that stands."""
    refusal = Refusal(
        origin=one.arrival.origin,
        record_key=one.record_key,
        session=None,
        reason=RefusalReason.INVALID,
        error=f"the store refuses it: {type(error).__name__}",
        excerpt="",
    )
    return Decoded(refusal, one.record_key)


async def _erased_names(connection: Connection, refused: Iterable[Refusal]) -> frozenset[str]:
    """Of the sessions that unreadable records name by their keys, those that are erased for any tenant."""
    named = {deadletters.place_of(one)[1] for one in refused if one.session is None} - {None}
    if not named:
        return frozenset()
    return frozenset(row["session_id"] for row in await connection.fetch(_queries.erased_names, sorted(named, key=str)))


def _ready_to_tell(
    refusal: Refusal, erased: Collection[SessionKey], nameless: Collection[str], sweepers: Sweepers
) -> Refusal:
    """Swept by what is known of the session, cut, and without content when the session is, or may be, an erased one."""
    if refusal.session in erased or (refusal.session is None and deadletters.place_of(refusal)[1] in nameless):
        return replace(refusal, excerpt="")
    sweeper = sweepers.get(refusal.session) if refusal.session else None
    excerpt = refusal.excerpt if sweeper is None else sweeper.text(refusal.excerpt)
    return replace(refusal, excerpt=deadletters.cut(excerpt))
