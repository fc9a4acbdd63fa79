"""What the model costs: a dated table, and what a draft is likely to cost before it is paid for."""

from collections.abc import Mapping
from dataclasses import dataclass

from consumer.domain import prompt
from consumer.domain.bundle import Bundle
from consumer.domain.draft import ANSWER_SCHEMA
from consumer.domain.records import compact
from schemas.packages import Usage

AS_OF = "2026-11"
"""The month in which the table was taken from Anthropic's price list; look there before relying on it."""
_MILLION = 1_000_000
_CACHE_WRITE, _CACHE_READ = 1.25, 0.1
"""Of the price of an input token, for prefixes that are kept five minutes."""
_CHARACTERS_PER_TOKEN = 3.0
"""Of plain English and JSON, with this family's tokenizer: a third more tokens than the usual four characters give."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Tokens of a draft, guessed from its characters."""

    input_tokens: int
    """Of one call."""
    most_output_tokens: int

    def likely(self, price: Price) -> float:
        """Dollars for one call whose answer takes half of its room."""
        usage = Usage(input_tokens=self.input_tokens, output_tokens=self.most_output_tokens // 2)
        return price.of(usage)

    def most(self, price: Price) -> float:
        """Dollars for a call whose answer is cut off, and a repair with twice the room."""
        usage = Usage(
            input_tokens=2 * self.input_tokens + self.most_output_tokens, output_tokens=3 * self.most_output_tokens
        )
        return price.of(usage)


def estimate(bundle: Bundle, max_tokens: int) -> Estimate:
    sent = len(prompt.SYSTEM) + len(compact(ANSWER_SCHEMA)) + len(prompt.user_turn(bundle, "0" * 16))
    return Estimate(input_tokens=round(sent / _CHARACTERS_PER_TOKEN), most_output_tokens=max_tokens)
