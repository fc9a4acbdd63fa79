"""Whether a text quotes more of the intake than the contract allows, whatever it was copied from."""

import re

from consumer.domain.writing.sections import LONGEST_QUOTE

_BLANKS = re.compile(r"\s+")
_RUN = LONGEST_QUOTE + 1
_BLOCK = _RUN // 2
"""Any run over the bound holds a whole block that begins at a multiple of this."""


def too_long(intake: str | None, *texts: str) -> bool:
    """Whether a text holds a run of the intake that is over the bound. Runs of whitespace count as one character.

    Linear in the intake for each text; a text has 30,000 characters at most.
    """
    source = _BLANKS.sub(" ", intake or "")
    return len(source) >= _RUN and any(_quotes(source, _BLANKS.sub(" ", text)) for text in texts)


def _quotes(source: str, text: str) -> bool:
    regions = {
        source[max(start - _BLOCK, 0) : start + _RUN]
        for start in range(0, len(source) - _BLOCK + 1, _BLOCK)
        if source[start : start + _BLOCK] in text
    }
    if not regions:
        return False
    runs = {text[start : start + _RUN] for start in range(len(text) - _RUN + 1)}
    return any(
        region[start : start + _RUN] in runs for region in regions for start in range(max(len(region) - _RUN, 0) + 1)
    )
