"""Scripts that were generated and of which nothing shows that they ran."""

import re

from consumer.domain.bundle.records import FactRecord, Records, ScriptRecord

_WORD = re.compile(r"\w+")
_SCRIPT = (" script ", " skript ")


def unread_scripts(records: Records) -> tuple[ScriptRecord, ...]:
    """Scripts that no later check names as its source, oldest first: whether they ran is not recorded.

    A check that rests on "the script" rests on the last one before it.
    """
    unread: list[ScriptRecord] = []
    sources = "\n"
    rests_on_last = False
    for step in reversed(records.steps):
        if isinstance(step, FactRecord):
            named = _words(step.source_summary or "")
            sources += f"{named}\n"
            rests_on_last = rests_on_last or any(word in named for word in _SCRIPT)
            continue
        if not rests_on_last and not any(name and _words(name) in sources for name in (step.name, step.slug)):
            unread.append(step)
        rests_on_last = False
    return tuple(reversed(unread))


def _words(text: str) -> str:
    """The casefolded words of a text with one blank around each, so that a search finds whole words only."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "
