"""The script that was generated last, as long as nothing tells whether it ran, and nobody went on after it."""

import re
from collections.abc import Iterator

from consumer.domain.bundle.records import Records, ScriptRecord
from consumer.domain.text import words

_OF_A_SCRIPT = re.compile(
    r"\b(?:s[ck]r[iy]pt\w*|gui[o\u00f3]n(?:es)?|dry[\s-]?run|whatif|not\s+(?:been\s+|yet\s+)*run)\b",
    re.IGNORECASE,
)
"""How most European languages speak of one."""
_SHARED = 2
"""Words of a script's name by which a text means it."""


def script_to_read(records: Records) -> ScriptRecord | None:
    """The last script, where whether it ran is to be found out.

    It is not where a check was recorded or a fix applied since, nor where a later text speaks of a script: that text
    may say so, in words that code does not judge.
    """
    last = records.steps[-1] if records.steps else None
    if not isinstance(last, ScriptRecord):
        return None
    if any(_speaks_of(last, text) for text in _later_texts(records, last)):
        return None
    at = last.generated_at
    since = (fix.applied_at for fix in records.applied_fixes)
    return None if at is not None and any(applied is not None and applied > at for applied in since) else last


def _speaks_of(script: ScriptRecord, text: str) -> bool:
    if _OF_A_SCRIPT.search(text) is not None:
        return True
    named = words.content(script.name)
    return len(named & words.content(text)) >= min(_SHARED, len(named)) > 0


def _later_texts(records: Records, script: ScriptRecord) -> Iterator[str]:
    """The reason, the facts since, and what fixes say: one that is only proposed may rest on the script."""
    at = script.generated_at
    yield records.reason or ""
    for fact in records.facts:
        if at is None or fact.recorded_at is None or fact.recorded_at >= at:
            yield fact.text
    for fix in records.fixes:
        yield from fix.texts()
