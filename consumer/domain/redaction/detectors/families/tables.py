"""Columns of secrets: a table whose head says "Password" holds one in each of its rows.

Tables are parted by bars, tabs, semicolons, commas or blanks, or are written in HTML. A row has as many cells as the head.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from consumer.domain.redaction.detectors.layout import apart
from consumer.domain.redaction.detectors.rule import NOTHING, Detector, Family, TextSpan, pattern
from consumer.domain.redaction.detectors.values import Value
from consumer.domain.redaction.placeholders import SecretKind

MOST_ROWS = 200
"""Rows that are read. Longer tables are files, and no part of a ticket."""
MOST_COLUMNS = 6
"""Columns of secrets that one head names. These bounds keep a record of nothing but tables within its time."""
_LONGEST_LINE = 400
_LONGEST_ROW = 2_000
_MARKS = " \"'`*_\r"
_DELIMITED = pattern(r"[ ]{0,8}[\"'`*_)\]]{0,3}[ ]{0,16}(?P<sign>[|\t;,]|\r?\n)")
_ALIGNED = pattern(r"(?:[ ]{2,60}\S[^\r\n]{0,300})?[ ]{0,40}\r?\n[ ]{0,200}-{2}[- ]{0,400}\r?\n")
_LONGEST_NAME = 40
_ARGUMENT = re.compile(r"\w\(\s?[\"'`]?\w{0,30}\Z")
"""Before a word that is the first argument of a call: "SetVariable('DB_". It is no head, and the next line no row."""
_GAP = re.compile(r" {2,80}")
_CLOSES = pattern(r"[\s\"'`*_]{0,8}(?:</(?:b|strong|span|p)>){0,2}\s{0,8}</t[hd]>")
_CELL = re.compile(r"<t[hd](?: [^<>]{0,200})?>((?:[^<]|<(?!/?t[hdr])){0,400})", re.IGNORECASE)
_TAGS = re.compile(r"\s{0,40}(?:<[^<>]{1,60}>\s{0,8}){0,4}([^<>\s][^<>\s]{0,127})\s{0,40}(?:<|\Z)")

_SAYS_WHERE = pattern(
    r"(?:\b|_)(?:must|change|logon|login|see|vault|via|sso|ask|none|unknown|default|reset|sync|same|as|not|no|by|in)(?:\b|_)"
)
"""Parts of what stands in a column of secrets instead of one."""
_HEAD = pattern(
    r"(?:(?:kenn|pass)w[oö]rte?r?|wachtwoord|passwords?|(?:(?<![a-z])|(?<=user)|(?<=admin)|(?<=temp)|(?<=new)|(?<=api))(?:pass(?:wd|phrase|code)|pwd?|p/w|psk|zugangscode"
    r"|mot[ ]de[ ]passe|contraseña|senha|pin(?:[ -]?code)?|puk|secret|token|(?:(?<=api)|(?<=api[ _-]))key))(?![a-z0-9_])"
)
ANCHORS = (
    "pass", "pw", "p/w", "psk", "kennw", "zugangscode", "contrase", "wachtwoord", "senha", "pin", "puk", "secret", "token",
    "key",
)  # fmt: skip


def _column(text: str, at: int) -> Iterable[TextSpan]:
    if text.find("\n", at, at + _LONGEST_LINE) < 0 and text.find("</t", at, at + 60) < 0:
        return NOTHING  # most texts
    head = _HEAD.match(text, at)
    if head is None:
        return NOTHING
    return list(_cells(text, at, head.end()))


def _cells(text: str, at: int, end: int) -> Iterator[TextSpan]:
    if _CLOSES.match(text, end):
        yield from _html_cells(text, at)
        return
    begin = text.rfind("\n", max(0, at - _LONGEST_LINE), at) + 1
    if (begin == 0 and at > _LONGEST_LINE) or len(_HEAD.findall(text, begin, at)) >= MOST_COLUMNS:
        return
    sign = _DELIMITED.match(text, end)
    if sign is not None and _ARGUMENT.search(text, max(begin, at - _LONGEST_NAME), at):
        return
    if sign is not None:
        delimiter = sign["sign"] if sign["sign"] in "|\t;," else _delimiter_before(text, begin, at)
        if delimiter:
            yield from _delimited_cells(text, begin, at, delimiter)
            return
    aligned = _ALIGNED.match(text, end)
    if aligned is not None:
        yield from _aligned_cells(text, begin, at, aligned.end())


def _delimiter_before(text: str, begin: int, at: int) -> str:
    """The delimiter of a head whose last cell this is; empty where the line is none."""
    before = text[begin:at]
    place = max(before.rfind(sign) for sign in "|\t;,")
    return before[place] if place >= 0 and at - begin - place <= 24 else ""


def _line_end(text: str, at: int) -> int:
    stop = text.find("\n", at, at + _LONGEST_ROW)
    return stop if stop >= 0 else min(len(text), at + _LONGEST_ROW)


def _delimited_cells(text: str, begin: int, at: int, delimiter: str) -> Iterator[TextSpan]:
    stop = _line_end(text, at)
    number, width = text.count(delimiter, begin, at), text.count(delimiter, begin, stop)
    for _ in range(MOST_ROWS):
        begin, stop = stop + 1, _line_end(text, stop + 1)
        if begin >= len(text) or text.count(delimiter, begin, stop) != width:
            return
        for _ in range(number):
            begin = text.index(delimiter, begin, stop) + 1
        if _HEAD.match(text, begin):
            return  # the next head
        end = text.find(delimiter, begin, stop)
        yield from _value(text, begin, stop if end < 0 else end)


def _aligned_cells(text: str, begin: int, at: int, first_row: int) -> Iterator[TextSpan]:
    """The cells below a head that is underlined, as PowerShell's Format-Table writes it."""
    gaps = [gap.end() for gap in _GAP.finditer(text, begin, at)]
    left = (gaps[-1] if gaps else begin) - begin
    stop = first_row - 1
    for _ in range(MOST_ROWS):
        begin, stop = stop + 1, _line_end(text, stop + 1)
        if begin >= len(text) or not text[begin:stop].strip():
            return
        if begin + left < stop and (left == 0 or text[begin + left - 1] == " "):
            if _HEAD.match(text, begin + left):
                return  # the next head
            gap = _GAP.search(text, begin + left, stop)
            yield from _value(text, begin + left, stop if gap is None else gap.start())


def _html_cells(text: str, at: int) -> Iterator[TextSpan]:
    row = text.rfind("<tr", max(0, at - _LONGEST_ROW), at)
    if row < 0:
        return
    number = sum(1 for _ in _CELL.finditer(text, row, at))
    for _ in range(MOST_ROWS):
        row = text.find("<tr", max(row + 3, at), max(row, at) + _LONGEST_ROW)
        if row < 0:
            return
        stop = text.find("</tr", row, row + _LONGEST_ROW)
        cell = next(
            islice(_CELL.finditer(text, row, stop if stop >= 0 else row + _LONGEST_ROW), max(number - 1, 0), None), None
        )
        if cell is not None and (inner := _TAGS.match(text, *cell.span(1))):
            if _HEAD.match(inner[1]):
                return  # the next head
            yield from _value(text, *inner.span(1))


def _celled(value: Value) -> bool:
    """Accepts, below a head, also words that are tied together, as people make passwords."""
    tied = value.itself.count("-") >= 2 or "_" in value.itself[1:-1]
    return apart(value) or (tied and not (value.is_common or value.is_impossible or _SAYS_WHERE.search(value.itself)))


def _value(text: str, begin: int, end: int) -> Iterator[TextSpan]:
    """The cell without blanks and marks, if it may be a secret. One of several words is none."""
    while begin < end and text[begin] in _MARKS:
        begin += 1
    while end > begin and text[end - 1] in _MARKS:
        end -= 1
    if begin < end and end - begin <= 128 and " " not in text[begin:end] and _celled(Value(text, begin, end, False)):
        yield begin, end


RULES: tuple[Detector, ...] = (
    Detector(family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=ANCHORS, look=_column, far=True),
)
