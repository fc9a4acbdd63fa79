"""A dated table of the prices of models' tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.packages import Usage

AS_OF = "2026-11"
"""The month in which the table was taken from Anthropic's price list. Look there before you rely on the table."""
_MILLION = 1_000_000
_CACHE_WRITE, _CACHE_READ = 1.25, 0.1
"""Multiples of the price of an input token, for a cached prefix that is kept five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one model, in dollars per million tokens."""

    input: float
    output: float

    def of(self, usage: Usage) -> float:
        """Dollars for this usage."""
        read = usage.cache_read_input_tokens * _CACHE_READ
        written = usage.cache_creation_input_tokens * _CACHE_WRITE
        return ((usage.input_tokens + read + written) * self.input + usage.output_tokens * self.output) / _MILLION


PRICES: Mapping[str, Price] = {
    "claude-sonnet-5": Price(input=2.0, output=10.0),
    "claude-sonnet-5-5": Price(input=2.0, output=10.0),
    "claude-haiku-5-5": Price(input=0.1, output=0.5),
}
"""Each key is the beginning of a model's name; the longest key that fits counts."""


def price_of(model: str) -> Price | None:
    """The price of a model; None for a model that is not in the table. Callers then state no amount."""
    matches = [name for name in PRICES if model.startswith(name)]
    return PRICES[max(matches, key=len)] if matches else None
