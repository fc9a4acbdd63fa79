"""What the model's tokens cost: a dated table."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.packages import Usage

AS_OF = "2026-11"
"""The month in which the table was taken from Anthropic's price list; look there before relying on it."""
_MILLION = 1_000_000
_CACHE_WRITE, _CACHE_READ = 1.25, 0.1
"""Of the price of an input token, for prefixes that are kept five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

    def of(self, usage: Usage) -> float:
        """Dollars for what was used."""
        read = usage.cache_read_input_tokens * _CACHE_READ
        written = usage.cache_creation_input_tokens * _CACHE_WRITE
        return ((usage.input_tokens + read + written) * self.input + usage.output_tokens * self.output) / _MILLION


PRICES: Mapping[str, Price] = {
    "claude-sonnet-5": Price(input=2.0, output=10.0),
    "claude-sonnet-5-5": Price(input=2.0, output=10.0),
    "claude-haiku-5-5": Price(input=0.1, output=0.5),
}
"""By the beginning of a model's name, the longest that fits."""


def price_of(model: str) -> Price | None:
    """None for a model that the table does not know: then nothing is said of money."""
    known = [name for name in PRICES if model.startswith(name)]
    return PRICES[max(known, key=len)] if known else None
