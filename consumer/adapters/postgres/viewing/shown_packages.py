"""Reads single packages with what stands around them."""

from uuid import UUID

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.operation.proofs import Proofs
from consumer.domain.package.proof import StoredEvidence
from consumer.flows.viewing.console.shown_package import NoteRevision, RestedOnEvent, ShownPackage
from schemas.packages import PackageReady

_queries = Queries("shown_packages")


class PostgresPackageShelf:
    """Implements the port `flows.viewing.console.shown_package.PackageShelf`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._proofs = Proofs(pool)

    async def shown(self, package_id: UUID) -> ShownPackage | None:
        async with transaction(self._pool, isolation="repeatable_read", readonly=True) as connection:
            row = await connection.fetchrow(_queries.package, package_id)
            if row is None:
                return None
            key = (row["tenant_id"], row["session_id"])
            package = PackageReady.model_validate_json(row["event"])
            revisions = await connection.fetch(_queries.revisions, *key, row["request_id"])
            events = await connection.fetch(_queries.events, *key, _versions(package))
        return ShownPackage(
            package=package,
            created_at=row["created_at"],
            revisions=tuple(NoteRevision(**dict(revision)) for revision in revisions),
            events={
                event["version"]: RestedOnEvent(
                    version=event["version"],
                    event_id=event["event_id"],
                    type=event["type"],
                    occurred_at=from_rows.local(event["occurred_at"], event["utc_offset"]),
                    actor=event["actor"],
                    data=event["data"],
                )
                for event in events
            },
        )

    async def before(self, package_id: UUID) -> UUID | None:
        async with reachable(self._pool):
            before: UUID | None = await self._pool.fetchval(_queries.before, package_id)
        return before

    async def evidence(self, package_id: UUID) -> StoredEvidence | None:
        return await self._proofs.evidence(package_id)


def _versions(package: PackageReady) -> list[int]:
    """Of the events that the package's lines name."""
    return sorted(
        {
            record.state_version
            for section in package.sections
            for line in section.lines
            for record in line.records
            if record.event_id is not None and record.state_version is not None
        }
    )
