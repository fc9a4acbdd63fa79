"""How a language writes dates, numbers and compounds, where records write them otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spelling:
    """What stands in the records in the English way, as this language writes it. For the look at names and numbers."""

    months: Mapping[str, str]
    """Names of months to their English ones: a day stands before them, with a point ("3. März")."""
    dated_after: tuple[str, ...]
    """Words before a day and a month in figures ("am 02.03.")."""
    clock: str
    """The word after a time of day ("14 Uhr")."""
    persons: Mapping[str, str]
    """Words before a person's name to the English title that stands before it."""
    nouns: Mapping[str, str]
    """Nouns before a number to their English ones ("Schritt 2")."""
    borrowed: tuple[str, ...]
    """Words of this language after which English would name a person ("Update Anfang")."""
    suspended_after: tuple[str, ...]
    """Words before a hyphen that stands for the part that two compounds share ("und -dateien")."""
