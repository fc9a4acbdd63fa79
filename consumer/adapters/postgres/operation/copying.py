"""Exports sessions and packages from a store, and puts copies of packages into another one. Publishes nothing.

Events reach the other store through the topics, as all events do. A package goes from table to table, and only once the
events that are stored there give its digest.
"""

from collections.abc import AsyncIterator
from enum import StrEnum

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.domain.events import SessionKey
from consumer.domain.package import export, proof
from consumer.domain.package.export import Copy, ExportLine, MadeFrom
from schemas.packages import Cause, PackageReady

_queries = Queries("proofs")
_PAGE = 500
_ERASED = "session.erased.v1"


class Export:
    """Reads what an export holds: each session as it was at one moment. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, source: str) -> None:
        self._pool = pool
        self._source = source

    async def sessions(self, *, tenant: str | None, session: str | None) -> AsyncIterator[SessionKey]:
        """The keys of the sessions, in order. Sessions that arrive meanwhile may be missing."""
        last = SessionKey("", "")
        while True:
            async with reachable(self._pool):
                rows = await self._pool.fetch(_queries.sessions, tenant, session, *last, _PAGE)
            for row in rows:
                last = SessionKey(row["tenant_id"], row["session_id"])
                yield last
            if len(rows) < _PAGE:
                return

    async def lines(self, key: SessionKey) -> list[ExportLine]:
        """Events in the order of their acceptance, then packages. Of an erased session, only the erasure."""
        async with transaction(self._pool, isolation="repeatable_read", readonly=True) as connection:
            session = await connection.fetchrow(_queries.session, *key)
            events = await connection.fetch(_queries.arrived_events, *key)
            packages = await connection.fetch(_queries.copies, *key)
        if session is not None and session["erased_at"] is not None:
            return [export.event_line(key, version=0, event_id="erased", event_type=_ERASED, at=session["erased_at"])]
        lines = [
            export.event_line(
                key,
                version=row["version"],
                event_id=row["event_id"],
                event_type=row["type"],
                at=from_rows.local(row["occurred_at"], row["utc_offset"]),
                actor=row["actor"],
                data=row["data"],
            )
            for row in events
        ]
        for row in packages:
            made_from = MadeFrom(
                arrivals=row["arrivals"],
                reason=row["reason"],
                request_state="cancelled" if row["state"] == "cancelled" else "done",
                model=row["model"],
                redacted_sha256=row["redacted_sha256"],
                redacted_at=row["redacted_at"],
            )
            package = PackageReady.model_validate_json(row["event"])
            copy = Copy(package=package, published_at=row["created_at"], made_from=made_from)
            lines.append(export.package_line(copy, self._source))
        return lines


class Kept(StrEnum):
    """What became of a package's copy."""

    TAKEN = "taken"
    KNOWN = "known"
    """It is stored already."""
    EARLY = "early"
    """Its events are not all stored yet."""
    OTHER = "other"
    """The stored events give another digest."""
    REFUSED = "refused"
    """The session is erased here, or the request is known here and went another way."""


async def keep(pool: Pool, copy: Copy) -> Kept:
    """Stores a package and its request, so that they can be shown and proven. Raises Transient. May be repeated."""
    async with transaction(pool) as connection:
        session = await connection.fetchrow(_queries.lock_session, *copy.key.session)
        if session is not None and session["erased"]:
            return Kept.REFUSED
        if await connection.fetchval(_queries.known_package, copy.package.package_id):
            return Kept.KNOWN
        if session is None or session["event_count"] < copy.made_from.arrivals:
            return Kept.EARLY
        rows = await connection.fetch(_queries.events, *copy.key.session, copy.made_from.arrivals)
        events = [from_rows.event(copy.key.session, row) for row in rows]
        digest = proof.bundle_digest(copy.key.session, events, copy.made_from.reason, copy.package.language)
        if digest != copy.bundle_sha256:
            return Kept.OTHER
        if not await _put_request(connection, copy):
            return Kept.REFUSED
        await put_package(connection, copy)
    return Kept.TAKEN


async def _put_request(connection: Connection, copy: Copy) -> bool:
    """False where `put_request` in proofs.sql refuses."""
    package = copy.package
    taken = await connection.fetchval(
        _queries.put_request,
        *copy.key,
        copy.made_from.request_state,
        package.requested_state_version,
        copy.made_from.reason,
        copy.published_at,
        package.cause,
        package.replay_id,
        package.revision,
        package.package_id,
        int(package.cause is Cause.STATE_CHANGED),
    )
    return bool(taken)


async def put_package(connection: Connection, copy: Copy) -> None:
    """Stores the package's row alone. A package that is stored already stays as it is."""
    package = copy.package
    await connection.execute(
        _queries.put_package,
        package.package_id,
        *copy.key,
        package.revision,
        package.state_version,
        copy.made_from.arrivals,
        package.status,
        package.cause,
        package.replay_id,
        package.provenance.bundle_sha256,
        package.content_sha256,
        package.provenance.prompt_version,
        copy.made_from.model,
        None if package.psa_ticket is None else package.psa_ticket.model_dump_json(),
        package.model_dump_json(),
        copy.published_at,
        copy.made_from.redacted_sha256,
        copy.made_from.redacted_at,
    )
