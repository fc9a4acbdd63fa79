"""Estimates the tokens of a draft before it is paid for: from earlier calls, else from its number of characters."""

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
"""For English and JSON, where nothing was measured yet. This family's tokenizer gives more than the usual quarter."""
_OUTPUT_TOKENS = 700
"""Tokens of an ordinary answer, where nothing was measured yet."""

_CHECK_TOKENS = 800
"""Tokens of the second reader's verdicts on an ordinary answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A call that was made: the characters of the records that it sent, and the tokens that were counted."""

    characters: int
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """Averages of earlier calls, for an estimate of the tokens of the next one."""

    tokens_per_character: float = _TOKENS_PER_CHARACTER
    output_tokens: float = _OUTPUT_TOKENS

    def call(self, characters: int) -> Usage:
        """The expected usage of a call that sends this many characters of records.

        The instructions count as read from the cache: all but the first call of a while find them there.
        """
        return Usage(
            input_tokens=ceil(characters * self.tokens_per_character),
            output_tokens=ceil(self.output_tokens),
            cache_read_input_tokens=ceil(len(prompt.SYSTEM) * self.tokens_per_character),
        )


def yardstick(measured: Iterable[Measured]) -> Yardstick:
    """The averages of the measured calls; the assumed figures where no call has both characters and input tokens."""
    calls = [call for call in measured if call.characters and call.usage.input_tokens]
    if not calls:
        return Yardstick()
    return Yardstick(
        tokens_per_character=sum(call.usage.input_tokens for call in calls) / sum(call.characters for call in calls),
        output_tokens=sum(call.usage.output_tokens for call in calls) / len(calls),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The tokens of a draft, estimated from its number of characters."""

    input_tokens: int
    """The input tokens of one call."""
    most_output_tokens: int
    """The most output tokens of one answer."""

    def check(self, price: Price) -> float:
        """Dollars for one check of an answer, whose records are the draft's."""
        return price.of(Usage(input_tokens=self.input_tokens + self.most_output_tokens, output_tokens=_CHECK_TOKENS))

    def likely(self, price: Price) -> float:
        """Dollars for one call whose answer takes half of the limit."""
        usage = Usage(input_tokens=self.input_tokens, output_tokens=self.most_output_tokens // 2)
        return price.of(usage)

    def most(self, price: Price) -> float:
        """Dollars for the worst case: an answer that is cut off at the limit, and a repair with twice the limit."""
        usage = Usage(
            input_tokens=2 * self.input_tokens + self.most_output_tokens, output_tokens=3 * self.most_output_tokens
        )
        return price.of(usage, calls=2)


def estimate(bundle: Bundle, max_tokens: int) -> Estimate:
    """The estimate of one draft whose answers have at most `max_tokens` tokens."""
    sent = len(prompt.SYSTEM) + len(compact(ANSWER_SCHEMA)) + len(prompt.user_turn(bundle, "0" * 16))
    return Estimate(input_tokens=ceil(sent * _TOKENS_PER_CHARACTER), most_output_tokens=max_tokens)
