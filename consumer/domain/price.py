"""What the model's tokens cost, as far as the price is known, and how many a call will take."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from consumer.domain import prompt
from schemas.packages import Usage

_MILLION = 1_000_000
_TOKENS_PER_CHARACTER = 0.35
"""Of records and instructions in English, where nothing was measured yet."""
_OUTPUT_TOKENS = 700
"""Of an ordinary answer, where nothing was measured yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for a million tokens, by kind."""

    input: float
    output: float
    cache_write: float
    cache_read: float

    def of(self, usage: Usage) -> float:
        """Dollars."""
        return (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_creation_input_tokens * self.cache_write
            + usage.cache_read_input_tokens * self.cache_read
        ) / _MILLION


_SONNET = Price(input=2.0, output=10.0, cache_write=2.5, cache_read=0.2)
_PRICES = {
    "claude-sonnet-5": _SONNET,  # and 5.5
    "claude-haiku-5-5": Price(input=0.1, output=0.5, cache_write=0.125, cache_read=0.01),
}
"""By the longest prefix of the model's name, as Anthropic published them in November 2026."""


def known(model: str) -> Price | None:
    """None for a model whose price is not known here."""
    found = [name for name in _PRICES if model.startswith(name)]
    return _PRICES[max(found, key=len)] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A call that was made: characters of records that went out, tokens that were counted."""

    characters: int
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """How many tokens a call takes, by what earlier calls took."""

    tokens_per_character: float = _TOKENS_PER_CHARACTER
    output_tokens: float = _OUTPUT_TOKENS

    def call(self, characters: int) -> Usage:
        """The instructions are read from the cache, as all but the first call of a while find them there."""
        return Usage(
            input_tokens=ceil(characters * self.tokens_per_character),
            output_tokens=ceil(self.output_tokens),
            cache_read_input_tokens=ceil(len(prompt.SYSTEM) * self.tokens_per_character),
        )


def yardstick(measured: Iterable[Measured]) -> Yardstick:
    """By averages; what was never measured is assumed."""
    calls = [one for one in measured if one.characters and one.usage.input_tokens]
    if not calls:
        return Yardstick()
    return Yardstick(
        tokens_per_character=sum(one.usage.input_tokens for one in calls) / sum(one.characters for one in calls),
        output_tokens=sum(one.usage.output_tokens for one in calls) / len(calls),
    )


def total(usages: Iterable[Usage]) -> Usage:
    found = list(usages)
    return Usage(**{name: sum(getattr(one, name) for one in found) for name in Usage.model_fields})
