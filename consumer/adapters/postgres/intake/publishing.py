"""Puts records into the outbox, within a transaction that decided them."""

import json
from collections.abc import Sequence

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.arrival.deadletters import DeadLetterRecord
from consumer.domain.package.package import Publication

_queries = Queries("inbox")


async def put_publications(connection: Connection, publications: Sequence[Publication | DeadLetterRecord]) -> None:
    """In this order."""
    rows = [
        (record.topic, record.key, json.dumps(record.headers), record.value, record.tenant_id, record.session_id)
        for record in publications
    ]
    await connection.execute(_queries.put_outbox, *columns(rows, 6))
