"""The warnings of a package in words, for those who look at it."""

import re
from collections.abc import Mapping

from schemas.packages import Caution

_VIOLATED = re.compile(r"violated:(?P<rule>[\w.-]{1,64}):(?P<times>\d{1,6})")

RULES_BECAUSE = frozenset(
    {
        Caution.MODEL_UNAVAILABLE,
        Caution.MODEL_REFUSED,
        Caution.DRAFT_REJECTED,
        Caution.MODEL_DISABLED,
        Caution.BUDGET_EXHAUSTED,
    }
)
"""Those that say why rules have drafted."""

_WORDS: Mapping[Caution, str] = {
    Caution.STATE_BEHIND_REQUEST: "The version that the requester saw had not arrived by half the deadline.",
    Caution.REPAIRED: "The model's first answer broke a rule and was corrected by its second one.",
    Caution.TRUNCATED_INPUT: "Records were left out or shortened, in the prompt or in the lists.",
    Caution.MODEL_UNAVAILABLE: "Drafted by rules, because the model did not answer in time; an upgrade follows.",
    Caution.MODEL_REFUSED: "Drafted by rules, because the model declined to answer.",
    Caution.DRAFT_REJECTED: "Drafted by rules, because the model's answers broke the rules of a package.",
    Caution.STATEMENTS_REMOVED: "Statements of the model that the records do not support were left out.",
    Caution.MODEL_DISABLED: "Drafted by rules, because the tenant's policy keeps its texts from models.",
    Caution.BUDGET_EXHAUSTED: "Drafted by rules, because the month's budget for calls to models is used up.",
    Caution.UNCHECKED: "The second reader failed, was too slow or could not be read: only code checked the statements.",
}


def say_warning(word: str) -> str:
    """A sentence; for a word that this release does not know, the word."""
    if word in set(Caution):
        return _WORDS[Caution(word)]
    violated = _VIOLATED.fullmatch(word)
    if violated is not None:
        return f"The model's answers broke the rule {violated['rule']}: {int(violated['times']):,} times."
    return word
