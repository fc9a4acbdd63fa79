"""The stored evidence for proofs of packages, and the digests that keep them provable after a redaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.package import proof
from consumer.domain.package.proof import StoredEvidence
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.ledger import LedgerEntry
from schemas.packages import PackageReady

_queries = Queries("proofs")


class Proofs:
    """Reads the evidence for a proof. Raises Transient while the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def evidence(self, package_id: UUID) -> StoredEvidence | None:
        """The package and what it was made from, all at one moment. None for a package that is not stored."""
        async with transaction(self._pool, isolation="repeatable_read", readonly=True) as connection:
            row = await connection.fetchrow(_queries.package, package_id)
            if row is None:
                return None
            key = SessionKey(row["tenant_id"], row["session_id"])
            events = await connection.fetch(_queries.events, *key, row["arrivals"])
        return StoredEvidence(
            package=PackageReady.model_validate_json(row["event"]),
            key=key,
            arrivals=row["arrivals"],
            events=tuple(from_rows.event(key, event) for event in events),
            reason=row["reason"],
            draft=_draft(row["answer"]),
            redacted_sha256=row["redacted_sha256"],
            redacted_at=row["redacted_at"],
        )


def _draft(answer: str | None) -> Draft | None:
    """The draft in a ledger entry. None without an entry, or for one that this release cannot read."""
    if answer is None:
        return None
    try:
        return Draft.model_validate_json(LedgerEntry.model_validate_json(answer).draft)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """The bundle digests of packages at one moment: as the stored events give them, and as they should be."""

    sessions: frozenset[SessionKey]
    given: Mapping[UUID, str | None]
    """By package, from the stored events; None without any."""
    wanted: Mapping[UUID, str]
    """By package, as published or as the last redaction noted it."""

    @property
    def proven(self) -> frozenset[UUID]:
        return frozenset(package for package, digest in self.given.items() if digest == self.wanted[package])


async def digests(connection: Connection, sessions: Collection[SessionKey]) -> Digests:
    """The digests of all packages of these sessions, which must be locked. Costs one query when there are none."""
    keys = columns(sorted(sessions), 2)
    packages = await connection.fetch(_queries.packages_of, *keys)
    if not packages:
        return Digests(sessions=frozenset(), given={}, wanted={})
    events: defaultdict[SessionKey, list[tuple[int, SessionEvent]]] = defaultdict(list)
    for row in await connection.fetch(_queries.events_of, *keys):
        key = SessionKey(row["tenant_id"], row["session_id"])
        events[key].append((row["arrival"], from_rows.event(key, row)))
    given = {}
    for row in packages:
        key = SessionKey(row["tenant_id"], row["session_id"])
        known = [event for arrival, event in events[key] if arrival <= row["arrivals"]]
        given[row["package_id"]] = proof.bundle_digest(key, known, row["reason"], row["language"])
    wanted = {row["package_id"]: row["bundle_sha256"] for row in packages}
    return Digests(sessions=frozenset(sessions), given=given, wanted=wanted)


async def note_redaction(connection: Connection, before: Digests) -> None:
    """Notes the new digests after a redaction, so that the packages that `before` proves can still be proven."""
    if not before.proven:
        return
    after = await digests(connection, before.sessions)
    changed = [
        (package, after.given[package])
        for package in sorted(before.proven)
        if after.given[package] != before.given[package]
    ]
    if changed:
        await connection.execute(_queries.note_redaction, *columns(changed, 2))
