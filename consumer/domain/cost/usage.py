"""Tokens and calls that were paid for, and sums of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.packages import Usage


def total_usage(usages: Iterable[Usage]) -> Usage:
    """The sum of the usages, field by field."""
    summands = list(usages)
    return Usage(**{name: sum(getattr(usage, name) for usage in summands) for name in Usage.model_fields})


def drafting_usage(usage: Usage, checks: Usage) -> Usage:
    """What is left of a draft's usage without its checks, which another model made at another price."""
    return Usage(**{name: getattr(usage, name) - getattr(checks, name) for name in Usage.model_fields})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The calls and tokens that were paid for a piece of work."""

    calls: int = 0
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    """Of both models."""
    checks: Usage = Usage()  # noqa: RUF009 - frozen
    """The second reader's part of it."""


NOTHING_SPENT = Spent()
