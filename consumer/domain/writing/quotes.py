"""Finds texts that quote more of the intake than the contract allows, whatever record they were copied from."""

from consumer.domain.writing.sections import LONGEST_QUOTE

_RUN = LONGEST_QUOTE + 1
_BLOCK = _RUN // 2
"""Any run over the bound holds a whole block of this length that begins at a multiple of it in the intake."""


def too_long(intake: str | None, *texts: str) -> bool:
    """Whether a text holds more than `LONGEST_QUOTE` consecutive characters of the intake.

    A run of whitespace counts as one character. Time is linear in the length of the intake for each text; a text has
    30,000 characters at most.
    """
    source = _joined(intake or "")
    return len(source) >= _RUN and any(_quotes(source, _joined(text)) for text in texts)


def _joined(text: str) -> str:
    return " ".join(text.split())


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
