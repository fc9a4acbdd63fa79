"""What packages were made from, as it is stored: evidence for a proof, and the digests that keep a proof possible."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.package import proof
from consumer.domain.package.proof import StoredEvidence
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.ledger import LedgerEntry
from schemas.packages import PackageReady

_queries = Queries("proofs")


class Proofs:
    """Raises Transient while the database is away. Reads only."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def evidence(self, package_id: UUID) -> StoredEvidence | None:
        """All of one moment; None for a package that is not stored."""
        async with (
            reachable(self._pool),
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            row = await connection.fetchrow(_queries.package, package_id)
            if row is None:
                return None
            key = SessionKey(row["tenant_id"], row["session_id"])
            events = await connection.fetch(_queries.events, *key, row["arrivals"])
        return StoredEvidence(
            package=PackageReady.model_validate_json(row["event"]),
            key=key,
            arrivals=row["arrivals"],
            events=tuple(from_rows.event(key, one) for one in events),
            reason=row["reason"],
            draft=_draft(row["answer"]),
            redacted_sha256=row["redacted_sha256"],
            redacted_at=row["redacted_at"],
        )


def _draft(answer: str | None) -> Draft | None:
    """None for one that this release cannot read, too."""
    if answer is None:
        return None
    try:
        return Draft.model_validate_json(LedgerEntry.model_validate_json(answer).draft)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """What the stored events give for packages, at one moment, and what they should give."""

    sessions: frozenset[SessionKey]
    given: Mapping[UUID, str | None]
    wanted: Mapping[UUID, str]

    @property
    def proven(self) -> frozenset[UUID]:
        return frozenset(one for one, digest in self.given.items() if digest == self.wanted[one])


async def digests(connection: Connection, sessions: Collection[SessionKey]) -> Digests:
    """Of every package of these sessions, which are locked. Costs one query where there is none."""
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
        given[row["package_id"]] = proof.bundle_digest(key, known, row["reason"])
    wanted = {row["package_id"]: row["bundle_sha256"] for row in packages}
    return Digests(sessions=frozenset(sessions), given=given, wanted=wanted)


async def note_redaction(connection: Connection, before: Digests) -> None:
    """After a redaction: packages that could be proven by `before` can be proven still, by the digest noted now."""
    if not before.proven:
        return
    after = await digests(connection, before.sessions)
    changed = [(one, after.given[one]) for one in sorted(before.proven) if after.given[one] != before.given[one]]
    if changed:
        await connection.execute(_queries.note_redaction, *columns(changed, 2))
