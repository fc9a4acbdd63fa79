"""Amounts by what they are counted in: dozens, thousands, lakhs, millions; and years without their century."""

import re
from collections.abc import Mapping
from functools import lru_cache

from consumer.domain.text import number_words

_COUNTED_IN: Mapping[str, int] = {
    r"dozen|dutzend|douzaines?|docenas?|dozzin[ae]|dozijn": 12,
    r"k\b|grand|thousand|tausend|tsd\b\.?|mille?\b|duizend|tusind?|tys\b\.?": 1_000,
    r"lakhs?|lacs?": 100_000,
    r"m\b|mn\b|mio\b\.?|mill?i\w{0,9}": 1_000_000,
    r"crores?": 10_000_000,
}
"""How many each is, by a pattern for its names."""
_YEARS = range(1970, 2100)
_CENTURY = 100


def are_counted(number: int, text: str) -> bool:
    """Whether a text in normal form has a whole number as so many dozens, thousands or millions, or as a short year."""
    pattern = _pattern(number)
    return pattern is not None and pattern.search(text) is not None


@lru_cache(maxsize=1_000)
def _pattern(number: int) -> re.Pattern[str] | None:
    forms = []
    for names, many in _COUNTED_IN.items():
        if (counted := _counted(number, many)) is not None:
            forms.append(rf"(?<![\w.,])[a-z]?(?:{counted})(?:\s|-)?(?:{names})")
    if number in _YEARS:
        forms.append(rf"(?<!\w)'{number % _CENTURY:02}(?!\w)")
    return re.compile("|".join(forms)) if forms else None


def _counted(number: int, many: int) -> str | None:
    """How many of `many` a number is, in figures with at most two decimals, or in words; None if that is no amount."""
    thousandths = number * 1_000
    if number < many or thousandths % (many * 10):
        return None
    figures = re.escape(f"{number / many:g}").replace(r"\.", "[.,]")
    words = number_words.said(number // many) if number % many == 0 else None
    article = "|an?" if number == many else ""
    return "|".join(filter(None, (figures, words))) + article
