"""Reads refused records for the console."""

from datetime import datetime

from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.viewing.look import Looker
from consumer.flows.redrive.ports import ChosenLetters
from consumer.flows.viewing.console.refused_records import MOST_LOOKED_AT, RefusedCount, RefusedPage, RefusedRecord

_queries = Queries("refused_records")


class PostgresRefusedRecords(Looker):
    """Implements the port `flows.viewing.console.refused_records.RefusedLister`."""

    async def refused(self, chosen: ChosenLetters, *, before: datetime | None, limit: int) -> RefusedPage:
        arguments = (
            chosen.reason,
            chosen.topic,
            chosen.partition,
            chosen.offset,
            chosen.tenant,
            chosen.session,
            chosen.since,
            chosen.until,
            *((None, None) if chosen.sessions is None else columns(chosen.sessions, 2)),
            MOST_LOOKED_AT,
        )
        async with self._look() as connection:
            records = await connection.fetch(_queries.records, *arguments, limit, before)
            counts = [] if before is not None else await connection.fetch(_queries.counts, *arguments)
        return RefusedPage(
            records=tuple(RefusedRecord(**dict(row)) for row in records),
            counts=tuple(RefusedCount(**{**row, "sources": tuple(row["sources"] or ())}) for row in counts),
        )
