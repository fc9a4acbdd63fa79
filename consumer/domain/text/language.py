"""Tells by its small words whether a text is in a language: an answer may obey an order to write otherwise."""

from functools import lru_cache

from consumer.domain.text import words
from consumer.domain.text.sentences import QUOTED

_OF_MANY = words.listed(
    """the a an of to and in is are was were on for with not by at from after before that this it as be has have had or
    no when which who but still only one all its their can whether if into out up
    der die das und ist nicht ein eine mit auf von dem den zu wurde wird f\u00fcr sich im le la les des et est
    une pour dans que qui pas avec sur du au il el los las en por con para una se fue est\u00e1 y al lo che di non
    per sono \u00e8 del della um uma os as foi n\u00e3o com het een van niet op voor zijn w na jest nie och att
    det som inte p\u00e5 ved og ikke \u00e9t ja ei ett\u00e4 tai my\u00f6s oli mutta joka kun \u017ee nen\u00ed jsou
    nebo jsem si\u0119 przez oraz \u00e9s hogy egy \u0219i este pentru bir i\u00e7in"""
)
"""Small words of many languages."""


_PUNCTUATION = str.maketrans(dict.fromkeys(".,;:!?()'", " "))


def is_written_in(own: frozenset[str], text: str) -> bool:
    """Whether the small words of a text are `own`, those of a language. Names and quotations do not count.

    False, too, where more than a fifth of the letters are of another script.
    """
    if text.isascii() and _others(own).isdisjoint(_small(text)):
        return True
    prose = QUOTED.sub(" ", text)
    if not prose.isascii():
        letters = [char for char in prose if char.isalpha()]
        if sum(char > "\u024f" for char in letters) * 5 > len(letters):
            return False
    words_of = _small(prose)
    foreign = sum(word in _OF_MANY and word not in own for word in words_of)
    return foreign < 3 or foreign <= sum(word in own for word in words_of)


def _small(text: str) -> list[str]:
    return text.translate(_PUNCTUATION).casefold().split()


@lru_cache(maxsize=8)  # a language's words are one object
def _others(own: frozenset[str]) -> frozenset[str]:
    return _OF_MANY - own
