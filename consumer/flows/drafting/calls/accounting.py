"""The one door before every call to a model, whoever makes it: what the tenant allows, what it may cost, what it cost.

Drafts, repairs, the other model and the second reader all pass it. What a policy or a budget forbids is not sent.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import structlog

from consumer.domain.cost import prices
from consumer.domain.cost.model_ids import plain_id
from consumer.domain.events import SessionKey
from consumer.flows.drafting.model import Answer, Call, Model
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import insist
from schemas.packages import Usage

log = structlog.stdlib.get_logger("escalation.drafting")

_CHARACTERS_A_TOKEN = 3
"""A little fewer than texts have, so that rather more is held than a call costs."""
_SHARE_OF_ROOM = 0.5
"""Of the tokens that an answer may have, an ordinary one takes so much."""


class Purpose(StrEnum):
    """What a call is for."""

    DRAFT = "draft"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Payer:
    """For whom calls are made."""

    session: SessionKey
    drafted_for: str
    """`<request id>/<revision>`."""


class Accounts(Protocol):
    """What calls cost, for all replicas together. Every method raises Transient, and may be repeated."""

    async def open(self, payer: Payer, purpose: Purpose, model: str, *, held_usd: float | None) -> int:
        """Lets a call begin and holds what it may cost (None: nobody knows its price); returns the call's number.

        Raises CallForbidden for a tenant whose texts go to no model, and where a budget of the month is used up.
        """

    async def settle(self, call_id: int, model: str, usage: Usage, *, usd: float | None) -> None:
        """Notes what the call has cost, once, and by a draft's call that the API answers: see `ports.Doubts`."""

    async def drop(self, call_id: int) -> None:
        """Notes that the call got no answer, and cost nothing."""


class AccountedModel:
    """A `Model` whose calls are made for one payer, and are accounted for, within an `async with` block.

    What an answer cost is noted while it is read; the end of the block waits for that, unless it is cancelled.
    """

    def __init__(
        self,
        *,
        model: Model,
        accounts: Accounts,
        payer: Callable[[], Payer],
        reader_name: str | None,
        now: Callable[[], datetime],
        meters: Meters,
    ) -> None:
        """`payer` is asked at every call: a late answer belongs to the next revision. `reader_name`: who checks.

        `now` is the database's time: prices have dates.
        """
        self._model = model
        self._accounts = accounts
        self._payer = payer
        self._reader_name = reader_name
        self._now = now
        self._meters = meters
        self._settling: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncio.CancelledError):
            for task in self._settling:
                task.cancel()
        for result in await asyncio.gather(*self._settling, return_exceptions=True):
            if isinstance(result, Exception):
                log.warning("What a call has cost was not noted.", event_name="cost_not_noted", error=str(result))

    async def draft(self, call: Call) -> Answer:
        """Raises CallForbidden before anything is sent, Transient, and what the model raises."""
        price = prices.price_of(call.model, at=self._now())
        held = None if price is None else price.of(_expected(call))
        purpose = Purpose.CHECK if call.model == self._reader_name else Purpose.DRAFT
        call_id = await insist(lambda: self._accounts.open(self._payer(), purpose, call.model, held_usd=held))
        try:
            answer = await self._model.draft(call)
        except Exception:  # a call that is cancelled may be paid for: what it holds stays held
            await insist(lambda: self._accounts.drop(call_id))
            raise
        paid = prices.price_of(answer.model, at=self._now()) or price
        usd = None if paid is None else paid.of(answer.usage)
        self._meters.count(Meter.MODEL_DOLLARS, usd or 0.0, label=(plain_id(answer.model), purpose.value))
        self._settling.append(asyncio.create_task(self._settle(call_id, answer, usd), name="settle"))
        return answer

    async def _settle(self, call_id: int, answer: Answer, usd: float | None) -> None:
        await insist(lambda: self._accounts.settle(call_id, answer.model, answer.usage, usd=usd))


def _expected(call: Call) -> Usage:
    """The tokens that a call is expected to take."""
    characters = len(call.system) + sum(len(turn.text) for turn in call.turns)
    return Usage(input_tokens=characters // _CHARACTERS_A_TOKEN, output_tokens=int(call.max_tokens * _SHARE_OF_ROOM))
