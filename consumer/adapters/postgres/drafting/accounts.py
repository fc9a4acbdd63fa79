"""The accounts of what calls to models cost, and the budgets that bound it."""

import structlog

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.flows.drafting.calls.accounting import Payer, Purpose
from consumer.flows.drafting.model import CallForbidden
from schemas.packages import Caution, Usage

_queries = Queries("spend")

log = structlog.stdlib.get_logger("escalation.postgres")


class PostgresAccounts:
    """Implements the port `flows.drafting.calls.accounting.Accounts`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, provider: str, monthly_budget_usd: float | None) -> None:
        """`provider` is where the models are called. The budget is that of all tenants together; None: no bound."""
        self._pool = pool
        self._provider = provider
        self._monthly_budget_usd = monthly_budget_usd

    async def open(self, payer: Payer, purpose: Purpose, model: str, *, held_usd: float | None) -> int:
        async with reachable(self._pool):
            call_id: int | None = await self._pool.fetchval(
                _queries.open_call,
                *payer.session,
                payer.drafted_for,
                purpose,
                self._provider,
                model,
                held_usd,
                self._monthly_budget_usd,
            )
            if call_id is not None:
                return call_id
            is_off = await self._pool.fetchval(_queries.is_off, payer.session.tenant_id)
        if not is_off and held_usd is None:
            log.error("A budget cannot be kept: the model has no known price.", event_name="no_price", model=model)
        raise CallForbidden(Caution.MODEL_DISABLED if is_off else Caution.BUDGET_EXHAUSTED)

    async def settle(self, call_id: int, model: str, usage: Usage, *, usd: float | None) -> None:
        async with reachable(self._pool):
            await self._pool.execute(
                _queries.settle_call,
                call_id,
                usd,
                model,
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_input_tokens,
                usage.cache_creation_input_tokens,
            )

    async def drop(self, call_id: int) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.drop_call, call_id)
