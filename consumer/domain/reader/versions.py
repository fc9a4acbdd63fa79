"""The version of all that is constant in how a draft comes about; a part of every draft's key."""

from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.reader import question
from consumer.domain.writing import prompt

PROMPTS = f"{prompt.VERSION}-{question.VERSION}"
"""The drafter's prompt and the second reader's: a draft that was checked by other rules is another draft.

It is that of English packages, and that of a release.
"""


def prompts_in(language: Language) -> str:
    """The same for packages in a language: what code says in it stands in the prompt, beside what it asks."""
    return PROMPTS if language.tag == ENGLISH.tag else f"{PROMPTS}-{language.tag}-{language.digest}"
