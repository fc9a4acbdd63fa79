"""The ledger of drafts, and the claims to make one."""

from collections.abc import Collection

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import SessionKey
from consumer.domain.redaction import KnownSecret, Redactor
from consumer.domain.session.history import Basis
from consumer.domain.writing.ledger import Declined, DraftKey, LedgerEntry
from consumer.flows.drafting.ports import Busy, Claim, Doubted

_queries = Queries("ledger")
_doubts = Queries("doubts")
_sessions = Queries("sessions")


class PostgresDraftLedger:
    """Implements the port `flows.drafting.ports.DraftLedger`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, redactor: Redactor, lease_seconds: float) -> None:
        """A claim expires `lease_seconds` after it was made or renewed."""
        self._pool = pool
        self._redactor = redactor
        self._lease_seconds = lease_seconds

    async def find_draft(self, key: DraftKey) -> LedgerEntry | Declined | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.find_draft, *key)
        known = None if row is None else from_rows.known_draft(row)
        return None if isinstance(known, Busy) else known

    async def find_any_draft(self, key: DraftKey) -> tuple[DraftKey, LedgerEntry] | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.find_any_draft, *key)
        known = None if row is None else from_rows.known_draft(row)
        if row is None or not isinstance(known, LedgerEntry):
            return None
        return key._replace(prompt_version=row["prompt_version"], model=row["model"]), known

    async def claim_draft(
        self, key: DraftKey, *, drafted_for: str, force: bool
    ) -> Claim | LedgerEntry | Declined | Doubted | Busy:
        async with reachable(self._pool):
            claimed = await self._pool.fetchrow(_queries.claim_draft, *key, self._lease_seconds, drafted_for, force)
            if claimed is None:
                row = await self._pool.fetchrow(_queries.find_draft, *key)
                if row is None:
                    return Doubted() if await self._pool.fetchval(_doubts.doubted, *key) else Busy()
                known = from_rows.known_draft(row)
                if known is not None:
                    return known
                claimed = await self._pool.fetchrow(_queries.claim_draft, *key, self._lease_seconds, None, True)
        if claimed is None:
            return Busy()
        return Claim(key=key, token=claimed["claim_token"], model_away=claimed["model_away"])

    async def renew(self, claims: Collection[Claim]) -> None:
        if claims:
            held = columns([(*claim.key, claim.token) for claim in claims], 6)
            async with reachable(self._pool):
                await self._pool.execute(_queries.renew_claims, *held, self._lease_seconds)

    async def model_away(self, claim: Claim) -> bool | None:
        async with reachable(self._pool):
            away: bool | None = await self._pool.fetchval(_queries.model_away, *claim.key, claim.token)
        return away

    async def store_draft(self, claim: Claim, entry: LedgerEntry, basis: Basis) -> bool:
        async with reachable(self._pool):
            if await self._pool.fetchval(_queries.store_draft_at_once, *_drafted(claim, entry), basis.secrets):
                return True
        async with transaction(self._pool) as connection:
            session = await connection.fetchrow(_sessions.lock_session, *claim.key.session)
            if session is None or session["erased"]:
                return False
            if await _store(connection, claim, entry, basis.secrets):
                return True
            known = await _known_secrets(connection, claim.key.session)
            if len(known) == basis.secrets:
                return False
            # A secret found meanwhile that the draft does not hold is no reason to pay for a second call.
            clean = self._redactor.scope(*claim.key.session).sweep(entry.draft, known) == entry.draft
            return clean and await _store(connection, claim, entry, len(known))

    async def decline_draft(self, claim: Claim, warnings: tuple[str, ...], *, drafted_for: str) -> None:
        async with reachable(self._pool):
            words = " ".join(warnings)
            await self._pool.execute(_queries.decline_draft, *claim.key, claim.token, words, drafted_for)

    async def release_draft(self, claim: Claim) -> None:
        async with transaction(self._pool) as connection:
            await connection.execute(_queries.drop_claim, *claim.key, claim.token)
            await connection.execute(_queries.restore_draft, *claim.key, claim.token)


async def _store(connection: Connection, claim: Claim, entry: LedgerEntry, secrets: int) -> bool:
    return bool(await connection.fetchval(_queries.store_draft, *_drafted(claim, entry), secrets))


def _drafted(claim: Claim, entry: LedgerEntry) -> tuple[object, ...]:
    """$1 to $11 of `store_draft` in ledger.sql."""
    return (
        *claim.key,
        claim.token,
        entry.model_dump_json(),
        entry.attempts,
        entry.usage.model_dump_json(),
        entry.drafted_for,
        entry.drafted_at,
    )


async def _known_secrets(connection: Connection, key: SessionKey) -> list[KnownSecret]:
    rows = await connection.fetch(_queries.secrets, *key)
    return [KnownSecret.unpacked(row["kind"], row["identity"], row["forms"]) for row in rows]
