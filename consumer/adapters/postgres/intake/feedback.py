"""Stores the feedback of a batch: each event once, without known secrets, and none of an erased session.

Runs inside the inbox's transaction, with the sessions locked.
"""

from collections.abc import Collection, Sequence

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.sweeping import Sweepers
from consumer.domain.arrival import door
from consumer.domain.events import Feedback, SessionKey

_queries = Queries("tenants")


async def store_feedback(
    connection: Connection, feedback: Sequence[Feedback], *, erased: Collection[SessionKey], sweepers: Sweepers
) -> int:
    """Returns how many of the events are new."""
    rows = [_row(each, sweepers) for each in feedback if each.key not in erased]
    return len(await connection.fetch(_queries.put_feedback, *columns(rows, 10))) if rows else 0


def _row(feedback: Feedback, sweepers: Sweepers) -> tuple[object, ...]:
    said = feedback.said
    return (
        *feedback.key,
        feedback.event_id,
        said.package_id,
        said.outcome.value,
        _text(feedback, sweepers),
        feedback.occurred_at,
        *feedback.origin[:3],
    )


def _text(feedback: Feedback, sweepers: Sweepers) -> str:
    text = feedback.said.model_dump_json(exclude_unset=True)
    sweeper = sweepers.get(feedback.key)
    return text if sweeper is None else door.swept_data(sweeper, text)
