"""The rules for an answer as a whole: what makes it unfit, whatever its statements say. Then none of it is shown."""

import re
from collections.abc import Callable, Iterator, Mapping

from consumer.domain.review import checks
from consumer.domain.review.violations import Evidence, Rule, Violation
from consumer.domain.text import language
from consumer.domain.writing import prompt
from consumer.domain.writing.draft import Draft

_FENCE = re.compile(r"session[-_]records|<\s*/?\s*session\W?records", re.IGNORECASE)
"""What stands around the records in a prompt. "The session records" are words of anybody."""


def check_whole(draft: Draft, answer: str, case: Evidence) -> Iterator[Violation]:
    """Yields what makes an answer unfit as a whole."""
    for rule, look in WHOLE_RULES.items():
        if (detail := look(draft, answer, case)) is not None:
            yield Violation(rule=rule, detail=detail)


def _canary(draft: Draft, answer: str, case: Evidence) -> str | None:
    del draft, case
    squeezed, canary = _squeezed(answer), _squeezed(prompt.CANARY)
    recited = canary in squeezed or canary[::-1] in squeezed or _FENCE.search(answer) is not None
    return "the answer recites its instructions" if recited else None


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _secret(draft: Draft, answer: str, case: Evidence) -> str | None:
    """Only what no statement holds alone: the announcement in one, the secret in the next."""
    del answer
    if case.is_clean("\n".join(_texts(draft))):
        return None
    rest = [said.text for said in checks.statements(draft) if case.is_clean(said.text)]
    return None if case.is_clean("\n".join(rest)) and case.is_clean(" ".join(rest)) else "the answer holds a secret"


def _language(draft: Draft, answer: str, case: Evidence) -> str | None:
    del answer
    wanted = case.bundle.language
    texts = (draft.problem.text, draft.hypothesis.text, *(step.text for step in draft.next_steps))
    is_wanted = all(language.is_written_in(wanted.words, text) for text in texts)
    return None if is_wanted else f"the answer is not in {wanted.name}"


def _texts(draft: Draft) -> Iterator[str]:
    yield draft.problem.text
    yield draft.hypothesis.text
    yield from (wording.text for wording in (*draft.confirmed, *draft.notes))
    yield from (step.text for step in draft.next_steps)


WHOLE_RULES: Mapping[Rule, Callable[[Draft, str, Evidence], str | None]] = {
    Rule.CANARY: _canary,
    Rule.SECRET: _secret,
    Rule.LANGUAGE: _language,
}
