"""Words of a text, reduced to stems so that inflections are equal. They show what two texts have in common."""

import re

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_STEM_LETTERS = 5


def listed(line: str) -> frozenset[str]:
    """The set of words in a text that lists them, separated by blanks."""
    return frozenset(line.split())


_COMMON = listed(
    """a about after again all also an and any are as at be because been before being but by can could did do does for
    from get had has have he her his how i if in into is it its itself may more must no nor not now of off on once only
    or other our out over own per she should so some still such than that the their them then there these they this
    those through to too under until up use using via was we were what when where which while who why will with would
    you your yet whether one two was both each same due within without just let make made see"""
)


def stem(word: str) -> str:
    """A word roughly without its ending: a long word by its first five letters, a short one without a plural s."""
    word = word.casefold().replace("\u2019", "'").removesuffix("'s")
    if len(word) > _STEM_LETTERS and not any(char.isdigit() for char in word):
        return word[:_STEM_LETTERS]
    return word[:-1] if len(word) > 3 and word.endswith("s") and word.isalpha() else word


def in_order(text: str) -> list[str]:
    """The stems of the words that carry meaning, in the order of the text."""
    return [stem(match[0]) for match in _WORD.finditer(text) if match[0].casefold() not in _COMMON]


def content(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning."""
    return frozenset(in_order(text))


def share(part: str, whole: str) -> float:
    """The share of the stems of `part` that `whole` has, 0 to 1. It is 1 if `part` has no word that carries meaning."""
    stems = content(part)
    return len(stems & content(whole)) / len(stems) if stems else 1.0


def count(text: str) -> int:
    """The number of words in a text, common ones included."""
    return sum(1 for _ in _WORD.finditer(text))
