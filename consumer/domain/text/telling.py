"""The telling lines of a long output: what a log says of an error, in place of its beginning alone."""

import itertools
import re

_FAULT = re.compile(
    r"\b(?:err(?:or|no)?s?|fail(?:ed|ure|s|ing)?|fatal|critical|crit|denied|refused|rejected|timed?\s?-?out|timeout|exception"
    r"|invalid|expired|mismatch|not\s+found|unable|cannot|lost|reset|degraded|fehler\w*|fehlgeschlagen|abgelehnt|abgelaufen"
    r"|erreur|\u00e9chec|refus\u00e9\w*)\b|0x[0-9a-f]{6,}|\b[45]\d\d\b|\bE-?\d{3,}\b",
    re.IGNORECASE,
)
_FEWEST_LINES = 4


def telling(text: str, limit: int) -> str:
    """The text itself where it fits or has few lines; else its first line and those that name an error, in order.

    `…` stands for the lines between; the result may be longer than `limit` by a line.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(text) <= limit or len(lines) < _FEWEST_LINES:
        return text
    kept = [0]
    room = limit - len(lines[0])
    for number in range(1, len(lines)):
        if room > 0 and _FAULT.search(lines[number]):
            kept.append(number)
            room -= len(lines[number]) + 3
    if len(kept) == 1:
        return text
    gaps = ("" if number - before == 1 else "… " for before, number in itertools.pairwise(kept))
    rest = [f"{gap}{lines[number]}" for gap, number in zip(gaps, kept[1:], strict=False)]
    return "\n".join((lines[0], *rest, *(["…"] if kept[-1] < len(lines) - 1 else [])))
