"""Words that announce a secret, and the ways in which the secret follows them.

Examples: ``-Password x``, ``pwd=x;``, ``"password": "x"``, ``<Password>x</Password>``,
"the new password for the NAS is x", "pw x".
"""

import re
from collections.abc import Iterable, Iterator

from consumer.domain.redaction.detectors.layout import across, answered, apart, set_apart
from consumer.domain.redaction.detectors.rule import NOTHING, Detector, Family, TextSpan, pattern, value_after
from consumer.domain.redaction.detectors.values import (
    QUOTED,
    TO_END_OF_LINE,
    VALUE,
    Demand,
    anything,
    assigned,
    is_literal,
    is_secret_in_prose,
    notable,
    opaque,
    opaque_alone,
    opaque_set,
    opaque_told,
    strong,
)
from consumer.domain.redaction.placeholders import SecretKind

_IDENTIFIER = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_IN_IDENTIFIER = frozenset(_IDENTIFIER)
_OPENING = frozenset(" \t\r\n\"'(`-/|;[")

_ASSIGN = pattern(
    r"[\\]?[\"'’\])*`]{0,3}[ \t]{0,40}(?P<sign>=>|:=|==?|::?|：|＝)(?:\*{1,2}|</(?:b|strong|em|i|span)>)?[ \t]{0,40}\*{0,2}(?=\S)"
)
_OPTION = pattern(r"(?:[ \t]++|[ \t]*+[:=][ \t]*+)(?=[^\s-])")
_VARIABLE = pattern(r"\s{0,8}\+?=\s{0,8}")
_ELEMENT = pattern(
    r"(?:\s++[\w:.-]{1,40}=\"[^\"<>]{0,100}\"){0,3}\s{0,8}>\s{0,40}(?:<(?:value|string)>\s{0,8})?(?=[^<\s])"
)
_ELEMENT_VALUE = pattern(r"(?P<element>[^<>\s][^<>\r\n]{0,255}?)(?=\s{0,40}</)")
_ATTRIBUTE = pattern(r"[\\]?[\"']\s{1,8}value\s{0,4}=\s{0,4}")
_ARGUMENT = pattern(r"[\"']\s{0,8},\s{0,8}")
_NAME_OF_NEXT = pattern(r"[\\]?[\"']\s{0,8}:")
"""Behind a text that names the next value of an object: what stands before it is a value, and announces nothing."""
_DEFAULT = pattern(r"[\"']\s{0,4}\{[^{}]{0,240}?\bdefault\s{0,8}[=:]\s{0,8}")
_REGISTRY = pattern(r"[ \t]++REG_(?:EXPAND_)?SZ[ \t]++")
_REGISTRY_COMMAND = pattern(r"[ ][^\r\n]{0,40}?/d[ ]++")
_TYPED = pattern(r"[ \t]++(?:type[ \t]++)?[0-9][ \t]++(?=\S)")
_AFTER_VERB = (
    r"(?:[ \t]++(?:now|still|currently|again|temporarily|simply|actually|probably|set[ ]to|changed[ ]to|reset[ ]to|back[ ]to"
    r"|going[ ]to[ ]be|jetzt|nun|noch|immer[ ]noch|nog[ ]steeds|nog|toujours|encore|todavía|ancora|maintenant|désormais|ahora|agora|adesso|nu)(?=[ \t:=]))?[ \t]*+[:=]?[ \t]*+"
)
_VERBS = (
    r"(?:(?:has[ ]been|was|is|were|been|got)[ \t]++)?(?:re)?(?:set|changed|updated|reset|switched)(?:[ \t]++back)?[ \t]++to"
    r"|is|was|are|were|now|(?:will|should|must|would)[ ]be|remains|equals|[=:]|to"
)
_FOREIGN_VERBS = (
    r"|(?:ist|war|wurde|wird)[ ]++(?:jetzt[ ]|nun[ ])?auf|laute(?:t|n)|sind|waren|ist|war|auf|op|est|était|esta|es|era|é|è|är|er"
    r"|jest|to|on|это|—|は|是|为|為|＝|："
)
_FILLER = (
    r"(?:[ \t]++(?:for|of|on|to|at|in|für|fürs|vom|von|zum|zur|beim|des|der|dem|pour|para|per|voor|van|de|du|del|della|di|al|alla|da"
    r"|from|over|by|via|given|sent|told|provided|handed|temporaire|temporal|temporário|tijdelijk)[ \t][^\r\n:=;?!]{1,60}?"
    r"|(?:[ \t]++(?:back|again|just|simply|bitte|doch|wieder|einfach|maar|weer|gewoon)){1,3}|[ \t]++(?:temporaire|temporal|provisoire|provisional|tempor[aá]ri[ao]|temporane[ao]|tijdelijk|tymczasow[eay]|string|below|above"
    r"|now|[(][^()\r\n]{1,40}[)]))"
)
"""What may stand between the word and a verb, where it does not follow directly."""
_ADJECTIVE = r"[ \t]++(?:nuov[ao]|nuev[ao]|attuale|actual|actuel|nouveau|provvisori[ao])(?=[ \t])"
_LINK = r"(?=[\s:=：＝は是为為(])"
_NO_PART = r"(?:(?<![A-Za-zÀ-ÿ])|(?=[=:：＝]))"
"""Before a verb that a filler leads to: else the "er" of "Garnier" would be one."""
_ENGLISH = pattern(rf"{_LINK}[\"'’]?\s{{0,4}}(?P<verb>{_VERBS})(?![\w-])" + _AFTER_VERB + r"(?=\S)")
_ENGLISH_FAR = pattern(rf"{_LINK}{_FILLER}[ \t]*+{_NO_PART}(?P<verb>{_VERBS})(?![\w-])" + _AFTER_VERB + r"(?=\S)")
_FOREIGN = pattern(rf"\s{{0,4}}(?P<verb>{_VERBS}{_FOREIGN_VERBS})(?![A-Za-z_-])" + _AFTER_VERB + r"(?=\S)")
_FOREIGN_FAR = pattern(
    rf"{_LINK}(?:{_ADJECTIVE}{_FILLER}?|{_FILLER})[ \t]*+{_NO_PART}(?P<verb>{_VERBS}{_FOREIGN_VERBS})(?![A-Za-z_-])"
    + _AFTER_VERB
    + r"(?=\S)"
)
_BARE = pattern(r"[ \t]{1,4}(?:[-–—→>][ \t]{1,4}|[(][ \t]?(?:it[’']?s[ \t]|is[ \t]|=[ \t]?)?)?(?=[^\s-])")
_CHANGED = pattern(
    r"(?:[ ](?:for|of|on|für|von|vom|pour|de|di|del|voor|van)[ ][^\r\n:=;?!.]{1,60}?)?(?:[ ](?:has[ ]been|was|wurde|is|est|è))?"
    r"(?:[ ](?:changed|reset|updated|switched|geändert|changé|cambiad[ao]|cambiata|gewijzigd))?"
    r"[ ]{1,2}(?:from|von|vom|van|de|da)[ ]{1,2}(?P<old>[^\s\"'<>]{4,64})[ ]{1,2}(?:to|auf|zu|naar|à|a|por)[ ]{1,2}(?=\S)"
)
_ITS = pattern(r"[ ][^\r\n:=;?!.]{0,40}?[, ](?:it[’']?s|c[’']est|es[ ]ist|das[ ]ist|è|es)[ ](?=\S)")
_CHANGES = re.compile(r"set|chang|updat|switch|revert|back", re.IGNORECASE)
_IS_IT = "as|is|was|=|ist|war|als|est|comme|es|como|è"
_WHERE = "where|donde|dónde|wo|où|dove|waar"
_ARROW = "<-{1,2}|←|⇐"
_AS_A_NAME = pattern(
    r"(?P<s>[^\s\"'<>,;]{4,64}|\"[^\"\r\n]{4,64}\")(?:[ ]++(?:works?|worked|used|set|serves|taken|entered))?"
    rf"(?:[ ]++(?:{_IS_IT})"
    r"[ ]++(?:(?:the|a|an|his|her|their|my|your|our|das|dem|ein|sein|ihr|mein|unser|le|el|la)[ ]++)?(?:[\w-]{1,20}[ ]++){0,2}"
    rf"|[ ]++(?:{_WHERE})[ ]++(?:[\w’']{{1,14}}[ ]++){{0,7}}"
    rf"|[ ]++(?:{_ARROW})"
    r"[ ]{0,4}(?:[\w-]{1,20}[ ]++){0,3}|[ ]++[(](?:[\w-]{1,20}[ ]++){0,3})\Z"
)

_MORE = pattern(
    r"[\"'’”»]?(?:[ ]{0,2}[,;/]|[ ](?:and|und|or|oder|et|y|e|en)(?=[ ]))[ ]{1,2}(?:(?:and|und|or|oder)[ ]{1,2})?"
)
_PLURAL = frozenset("sSrRnN")
"""How a word for several secrets ends: passwords, Kennwörter."""
_MOST_OTHERS = 20

_LINK_BEFORE = re.compile(rf" (?:{_IS_IT}|{_WHERE}|{_ARROW}) |\((?=[^()]{{0,40}}\Z)")
_LINK_ENDS = frozenset(" (")
_NEAREST_LINK = 48
"""Characters before the word, within which the link to its value stands."""

# A string that must follow the word, within how many characters, then the patterns of the context and of the value.
# The string is searched first, because most texts are no markup.
_MARKUP = (
    (">", 400, _ELEMENT, _ELEMENT_VALUE),
    ("alue", 12, _ATTRIBUTE, QUOTED),
    (",", 12, _ARGUMENT, QUOTED),
    ("default", 260, _DEFAULT, QUOTED),
    ("REG_", 24, _REGISTRY, TO_END_OF_LINE),
    ("/d ", 48, _REGISTRY_COMMAND, VALUE),
)


_VERDICT = pattern(r"(?<![a-z])(?:spf|dkim|dmarc|arc|compauth|iprev|auth)=\Z")
"""Before the word "pass", which is what a mail server found then: "spf=pass smtp.mailfrom=…"."""


def noun(
    source: str,
    *,
    anchors: tuple[str, ...],
    kind: SecretKind,
    family: Family = Family.PROSE,
    human: bool = True,
    foreign: bool = False,
    behind: str = "",
) -> Detector:
    """A rule for a word that announces a secret.

    ``human``: people make the values up; otherwise values are opaque, so that sentences about tokens are kept.
    ``foreign``: verbs of other languages than English may follow the word, too.
    ``behind``: what must stand before the word for it to mean a secret.
    """
    compiled = pattern(source)
    qualifier = pattern(rf"(?:{behind})[ _-]?\Z") if behind else None
    tails = (is_secret_in_prose, strong, apart) if human else (opaque_told, opaque_alone, opaque)
    near, far = (_FOREIGN, _FOREIGN_FAR) if foreign else (_ENGLISH, _ENGLISH_FAR)

    def look(text: str, at: int) -> Iterable[TextSpan]:
        match = compiled.match(text, at)
        if match is None:
            return NOTHING
        end = match.end()
        if text.startswith("__", end) and text[at - 2 : at] == "__":
            end += 2  # emphasis
        if text[end : end + 1] in _IN_IDENTIFIER:
            return NOTHING
        if text.rfind("{{", max(0, at - 80), at) > text.rfind("}}", max(0, at - 80), at):
            return NOTHING  # a variable of a template, and its filters
        if text.startswith(":?", end) and text[max(0, at - 48) : at].rstrip(_IDENTIFIER).endswith("${"):
            return NOTHING  # a variable that has to be set, and what is said where it is not
        if text[at - 1 : at] == "=" and _VERDICT.search(text, max(0, at - 12), at):
            return NOTHING
        if qualifier and not qualifier.search(text[max(0, at - 16) : at]):
            return NOTHING
        spans = (
            _in_syntax(text, at, end, assigned if human else opaque)
            or _in_sentence(text, at, end, near, tails[0])
            or _in_sentence(text, at, end, far, tails[0])
            or _right_behind(text, end, tails[1])
            or ((_of_change(text, end) or _given_at_last(text, end)) if human else NOTHING)
            or set_apart(text, at, end, tails[2] if end - at > len("pass") else strong)
            or (answered(text, end) if human else NOTHING)
            or (_before_word(text, at) if human else NOTHING)
        )
        if (
            spans
            and text[end : spans[0][0]].isspace()
            and spans[0][0] - end >= 2
            and "\n" not in text[end : spans[0][0]]
        ):
            return (*spans, *across(text, spans[0][1]))
        return (*spans, *_others(text, spans[0][1])) if spans and match[0][-1:] in _PLURAL else spans

    return Detector(family=family, kind=kind, anchors=anchors, look=look)


def _others(text: str, end: int) -> Iterator[TextSpan]:
    """The values that follow the one that ends here: "Passwords: x, y and z"."""
    for _ in range(_MOST_OTHERS):
        more = _MORE.match(text, end)
        spans = value_after(text, more.end(), strong) if more else NOTHING
        if not spans:
            return
        yield from spans
        end = spans[0][1]


def _in_syntax(text: str, at: int, end: int, demand: Demand) -> tuple[TextSpan, ...]:
    """The value in code, commands, configuration and their output."""
    lead = text[max(0, at - 48) : at].rstrip(_IDENTIFIER)
    sign = lead[-1:]
    if sign == "$" or lead[-5:].casefold() == "$env:":
        variable = _VARIABLE.match(text, end)
        return value_after(text, variable.end(), is_literal, QUOTED) if variable else NOTHING
    if sign in {"-", "/"} and (lead[:-1].rstrip("-")[-1:] or " ") in _OPENING:
        option = _OPTION.match(text, end)
        if option and (spans := value_after(text, option.end(), anything)):
            return spans
    assign = _ASSIGN.match(text, end)
    if assign:
        certain = assign["sign"] in {"=", "=="} and assign.end() - end <= 3
        if demand is opaque:
            return value_after(text, assign.end(), opaque_set if certain else opaque)
        return value_after(text, assign.end(), anything if certain else demand)
    for sign, reach, context, value in _MARKUP:
        if text.find(sign, end, end + reach) >= 0:
            match = context.match(text, end)
            spans = value_after(text, match.end(), anything, value) if match else NOTHING
            if spans and not (context is _ARGUMENT and _NAME_OF_NEXT.match(text, spans[0][1])):
                return spans
    typed = _TYPED.match(text, end)
    return value_after(text, typed.end(), notable) if typed else NOTHING


def _in_sentence(text: str, at: int, end: int, context: re.Pattern[str], demand: Demand) -> tuple[TextSpan, ...]:
    match = context.match(text, end)
    if match is None:
        return NOTHING
    # In "access with the password to srv01" no value follows: a value follows "to" only where something is changed.
    if (
        context in {_ENGLISH, _ENGLISH_FAR}
        and match["verb"] == "to"
        and not _CHANGES.search(text[max(0, at - 64) : at])
    ):
        return NOTHING
    return value_after(text, match.end(), demand)


def _right_behind(text: str, end: int, demand: Demand) -> tuple[TextSpan, ...]:
    match = _BARE.match(text, end)
    return value_after(text, match.end(), demand) if match else NOTHING


def _of_change(text: str, end: int) -> tuple[TextSpan, ...]:
    """Both values in "the password from x to y"."""
    match = _CHANGED.match(text, end)
    if match is None:
        return NOTHING
    old = value_after(text, match.start("old"), strong)
    return (*old, *value_after(text, match.end(), strong)) if old else NOTHING


def _given_at_last(text: str, end: int) -> tuple[TextSpan, ...]:
    """The value in "my password does not work, it's x"."""
    match = _ITS.match(text, end)
    return value_after(text, match.end(), strong) if match else NOTHING


def _before_word(text: str, at: int) -> tuple[TextSpan, ...]:
    """The value before the word, as in "they use x as the password" and "x is her new password"."""
    floor = max(0, at - 120)
    before = text[floor:at]
    if before[-1:] not in _LINK_ENDS or not _LINK_BEFORE.search(before, max(0, len(before) - _NEAREST_LINK)):
        return NOTHING
    match = _AS_A_NAME.search(before)
    if match is None:
        return NOTHING
    start, stop = match.span("s")
    if before[start] == '"':
        start, stop = start + 1, stop - 1
    return tuple((floor + start, floor + stop) for start, stop in value_after(before[:stop], start, strong))
