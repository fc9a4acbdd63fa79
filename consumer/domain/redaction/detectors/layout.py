"""Values that layout sets apart from the word that announces them.

Examples: ``Password -> x``, ``Password ...... x``, ``<td>Password</td><td>x</td>``, ``| Password | x |``, and the value
alone on the next line, or on the next but one.
"""

from collections.abc import Iterator

from consumer.domain.redaction.detectors.rule import NOTHING, TextSpan, pattern, value_after
from consumer.domain.redaction.detectors.values import Demand, Value, notable, strong

_CLOSED = r"(?:\*{1,2}|_{2}|[\"'’\])`]|</(?:b|strong|em|i|span|code)>){0,3}"
_SIGN = pattern(
    rf"{_CLOSED}[ ]{{0,8}}[:：]?{_CLOSED}[ ]{{0,8}}"
    r"(?:-{1,3}>|[→⇒➜➔⟶]|>{2}|\|{1,2}|[.·]{3,80}[ ]{0,2}:?|…{1,20}[ ]{0,2}:?|\t{1,8}(?:[:=|]\t{0,2})?"
    r"|</t[dh]>\s{0,40}<t[dh](?:[ ][^<>]{0,120})?>\s{0,40}(?:<(?:b|strong|code|span|p)(?:[ ][^<>]{0,60})?>){0,2})"
    r"[ \t]{0,8}(?=\S)"
)
_BEHIND_MARKUP = pattern(rf"{_CLOSED}(?<=[*_>])[ ]{{1,4}}(?=\S)")
_NEXT_LINE = pattern(
    rf"(?:(?:[ ](?:for|of|on|to|at|in|für|von|vom|zum|zur|des|der|pour|para|per|voor|de)[ ][^\r\n:=;?!.]{{1,60}})?[:：]|[ ](?:is|was|ist|war|lautet)(?:[ ](?:now|jetzt))?[:：]?)?{_CLOSED}[ \t]{{0,8}}"
    r"(?:\r?\n[ \t]{0,16}){1,2}(?:[>*•–-][ ]{1,4}|`{3}\w{0,10}\r?\n)?(?=\S)"
)
_ALONE = pattern(r"[ \t]{0,16}(?:\r?\n|\Z)")
_QUESTION = pattern(r"[^\r\n?]{0,80}\?[^\r\n]{0,12}\r?\n")
_SAID = pattern(r"(?:[\[(]?[0-9][0-9:., /-]{3,20}[\])]?[ ]{1,2})?<?[\w .-]{1,24}[>:][ ]{1,2}(?=\S)")
_ANSWERS = 4
_LONGEST_ANSWER = 200
_GAP = pattern(r"[ ]{2,40}(?=\S)")
_MOST_ACROSS = 12
_SETS_APART = frozenset(">→⇒➜➔⟶|·…\t<*_")
_NEAR = 40
_FARTHEST_LINE = 100
"""Characters to the end of the line: looked for first, for most texts have one line."""
_PARTS_CELLS = frozenset("|;,\t")
"""Before the word: it heads a column, and the next line is a row."""
_WITHIN = frozenset("_/.")
_NEVER_A_LINE = frozenset("[#<|")
"""What begins a line of markup, of a list or of a placeholder, and no password that somebody wrote on a line."""


def apart(value: Value) -> bool:
    """Accepts what no sentence, date or count would be in a cell or on a line of its own."""
    return notable(value) and not value.is_counted and not (value.itself.startswith("0x") and not value.has_symbol)


def across(text: str, end: int) -> Iterator[TextSpan]:
    """The values beside one, in a row that begins with the word."""
    for _ in range(_MOST_ACROSS):
        gap = _GAP.match(text, end)
        spans = (
            value_after(text, gap.end(), lambda value: apart(value) or "_" in value.itself[1:-1]) if gap else NOTHING
        )
        if not spans:
            return
        yield from spans
        end = spans[0][1]


def answered(text: str, end: int) -> tuple[TextSpan, ...]:
    """The value that a chat answers to "what was the password again?": alone behind a name, within the next lines."""
    question = _QUESTION.match(text, end)
    if question is None:
        return NOTHING
    at = question.end()
    for _ in range(_ANSWERS):
        said = _SAID.match(text, at)
        if said is None:
            return NOTHING
        spans = value_after(text, said.end(), strong)
        if spans and _ALONE.match(text, spans[0][1]):
            return spans
        at = text.find("\n", said.end(), said.end() + _LONGEST_ANSWER) + 1
        if at == 0:
            return NOTHING
    return NOTHING


def set_apart(text: str, at: int, end: int, demand: Demand) -> tuple[TextSpan, ...]:
    """The value that is set apart from the word between these places, if it satisfies the demand."""
    near = text[end : end + _NEAR]
    if not _SETS_APART.isdisjoint(near) or ".." in near:
        sign = _SIGN.match(text, end) or _BEHIND_MARKUP.match(text, end)
        if sign is not None:
            return value_after(text, sign.end(), demand)
    if (
        text[at - 1 : at] in _WITHIN  # the end of a path or of a name
        or text.find("\n", end, end + _FARTHEST_LINE) < 0
        or text[max(0, at - 8) : at].rstrip(" \"'`*_")[-1:] in _PARTS_CELLS
    ):
        return NOTHING
    line = _NEXT_LINE.match(text, end)
    if line is None or text[line.end()] in _NEVER_A_LINE:
        return NOTHING
    spans = value_after(text, line.end(), demand)
    return spans if spans and _ALONE.match(text, spans[0][1]) else NOTHING
