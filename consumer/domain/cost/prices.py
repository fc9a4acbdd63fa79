"""A dated table of the prices of models' tokens.

The table is our own, so that no update of a library changes what a call of last month has cost or what a budget allows;
a test holds today's row against a kept library. It holds list prices: regional endpoints of Amazon Bedrock and Google
Vertex AI cost a tenth more, which no amount here contains.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from consumer.domain.cost.model_ids import plain_id
from schemas.packages import Usage

AS_OF = "2026-11"
"""The month in which the table was taken from Anthropic's price list. Look there before you rely on the table."""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one model, in dollars per million tokens."""

    input: float
    output: float
    cache_read: float = 0.1
    """What a token that is read from the cache costs, as a multiple of an input token."""
    cache_write: float = 1.25
    """The same for a token that is written to it, and kept five minutes."""
    long_prompt_tokens: int | None = None
    """A call whose prompt has more tokens than this is dear, to its last token; None: all calls cost the same."""
    long_prompt_factor: float = 1.0
    """How many times as much a dear call costs."""

    def of(self, usage: Usage, *, calls: int = 1) -> float:
        """Dollars for the usage of so many calls, each with its share of the prompt's tokens."""
        read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        prompt = usage.input_tokens + self.cache_read * read + self.cache_write * written
        dollars = (prompt * self.input + usage.output_tokens * self.output) / _MILLION
        is_long = self.long_prompt_tokens is not None and (
            usage.input_tokens + read + written > self.long_prompt_tokens * max(calls, 1)
        )
        return dollars * self.long_prompt_factor if is_long else dollars


@dataclass(frozen=True, slots=True, kw_only=True)
class _Since:
    """A price, and the day (UTC) from which it holds."""

    day: date
    price: Price


PRICES: Mapping[str, tuple[_Since, ...]] = {
    "claude-sonnet-5": (_Since(day=date.min, price=Price(input=2.0, output=10.0)),),
    "claude-sonnet-5-5": (
        _Since(day=date.min, price=Price(input=2.0, output=10.0)),
        _Since(day=date(2026, 10, 7), price=Price(input=2.0, output=10.0, cache_read=0.05)),
    ),
    "claude-haiku-5-5": (
        _Since(day=date.min, price=Price(input=0.1, output=0.5, long_prompt_tokens=100_000, long_prompt_factor=5.0)),
    ),
}
"""By the plain name of a model, the oldest price first."""


def price_of(model: str, *, at: datetime) -> Price | None:
    """The price of a model for a call at that time; None for one that is not in the table, whose calls have no amount.

    `model` may be any cloud's id of it.
    """
    day = at.astimezone(UTC).date()
    held = [since.price for since in PRICES.get(plain_id(model), ()) if since.day <= day]
    return held[-1] if held else None
