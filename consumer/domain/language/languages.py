"""The known languages of packages, by their tags."""

from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language

LANGUAGES = (ENGLISH, GERMAN)
"""A further language is a file beside `en` and `de`, and an entry here."""


class UnknownLanguage(ValueError):
    """No package can be written in this language."""

    def __init__(self, tag: str) -> None:
        known = ", ".join(language.tag for language in LANGUAGES)
        super().__init__(f"{tag[:40]!r} is no known language of packages. Known are: {known}.")


def language_of(tag: str) -> Language:
    """The language of a BCP 47 tag: its primary subtag decides ("de-AT" is German). Raises UnknownLanguage."""
    primary = tag.strip().partition("-")[0].casefold()
    for language in LANGUAGES:
        if language.tag == primary:
            return language
    raise UnknownLanguage(tag)
