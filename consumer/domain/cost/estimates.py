"""How many tokens a draft will take, before it is paid for: by what earlier calls took, else by its characters."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import compact
from consumer.domain.cost.prices import Price
from consumer.domain.writing import prompt
from consumer.domain.writing.draft import ANSWER_SCHEMA
from schemas.packages import Usage

_TOKENS_PER_CHARACTER = 0.35
"""Of English and JSON, where nothing was measured yet; this family's tokenizer gives more than the usual quarter."""
_OUTPUT_TOKENS = 700
"""Of an ordinary answer, where nothing was measured yet."""


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
    return Estimate(input_tokens=ceil(sent * _TOKENS_PER_CHARACTER), most_output_tokens=max_tokens)
