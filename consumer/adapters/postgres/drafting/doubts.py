"""Prompts that the API refused, for all replicas together."""

from consumer.adapters.postgres.core.faults import transaction
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.flows.drafting.ports import Claim, Suspect

_queries = Queries("doubts")
_ledger = Queries("ledger")

REFUSALS_OF_AN_OUTAGE = 3
"""The contract's number of different prompts refused in a row (part 8)."""


class PostgresDoubts:
    """Implements the port `flows.drafting.ports.Doubts`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, probe_seconds: float) -> None:
        self._pool = pool
        self._probe_seconds = probe_seconds

    async def refused(self, claim: Claim, warnings: tuple[str, ...], *, drafted_for: str, reason: str) -> Suspect:
        async with transaction(self._pool) as connection:
            await connection.execute(_queries.one_at_a_time)
            if await connection.fetchval(_queries.refuses):
                return Suspect.API
            await connection.execute(_queries.doubt, *claim.key, " ".join(warnings), drafted_for)
            # In the same transaction as the doubt, which keeps the key from being claimed from now on.
            await connection.execute(_ledger.drop_claim, *claim.key, claim.token)
            await connection.execute(_ledger.restore_draft, *claim.key, claim.token)
            if await connection.fetchval(_queries.in_a_row) < REFUSALS_OF_AN_OUTAGE:
                return Suspect.PROMPT
            await connection.execute(_queries.take_back)
            await connection.execute(_queries.begin_refusal, reason, self._probe_seconds)
        return Suspect.API
