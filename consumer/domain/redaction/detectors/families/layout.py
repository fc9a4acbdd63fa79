"""Values that layout sets apart from the word that announces them.

Examples: ``Password -> x``, ``Password ...... x``, ``<td>Password</td><td>x</td>``, ``| Password | x |``, and the value
alone on the next line, or on the next but one.
"""

from consumer.domain.redaction.detectors.rule import NOTHING, TextSpan, pattern, value_after
from consumer.domain.redaction.detectors.values import Demand, Value, notable

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
_SETS_APART = frozenset(">→⇒➜➔⟶|·…\t<*_")
_NEAR = 40
_FARTHEST_LINE = 100
"""Characters to the end of the line: looked for first, for most texts have one line."""
_PARTS_CELLS = frozenset("|;,\t")
"""Before the word: it heads a column, and the next line is a row."""
_NEVER_A_LINE = frozenset("[#<|")
"""What begins a line of markup, of a list or of a placeholder, and no password that somebody wrote on a line."""


def apart(value: Value) -> bool:
    """Accepts what no sentence, date or count would be in a cell or on a line of its own."""
    return notable(value) and not value.is_counted and not (value.itself.startswith("0x") and not value.has_symbol)


def set_apart(text: str, at: int, end: int, demand: Demand) -> tuple[TextSpan, ...]:
    """The value that is set apart from the word between these places, if it satisfies the demand."""
    near = text[end : end + _NEAR]
    if not _SETS_APART.isdisjoint(near) or ".." in near:
        sign = _SIGN.match(text, end) or _BEHIND_MARKUP.match(text, end)
        if sign is not None:
            return value_after(text, sign.end(), demand)
    if (
        text.find("\n", end, end + _FARTHEST_LINE) < 0
        or text[max(0, at - 8) : at].rstrip(" \"'`*_")[-1:] in _PARTS_CELLS
    ):
        return NOTHING
    line = _NEXT_LINE.match(text, end)
    if line is None or text[line.end()] in _NEVER_A_LINE:
        return NOTHING
    spans = value_after(text, line.end(), demand)
    return spans if spans and _ALONE.match(text, spans[0][1]) else NOTHING
