"""Tells a text that addresses its reader from one that reports: orders, requests, and words to whoever processes it.

A text that is taken for one is shown as a quotation with its source, and is called no finding. That does no harm to a
finding that only looks like one. A sentence that only forbids sets bounds, which a package tells. The words are
English, German, French and Spanish; those that forbid are of fourteen.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from consumer.domain.text.sentences import QUOTED

_STATEMENT = re.compile(r"(?:^|(?<=[.!?:;\n\u2014])\s*)(?=\S)", re.MULTILINE)

_TO_THE_MACHINE = re.compile(
    r"""
      \b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rules?|prompts?|above|previous|everything)\b
    | \b(?:ignorier\w*|vergiss|vergessen\s+sie)\b.{0,40}\b(?:anweisung\w*|regeln|vorherig\w*)\b
    | \b(?:ignore[zr]?|oublie[zr]?)\b.{0,40}\b(?:instructions?|consignes?|r\u00e8gles)\b
    | \bignora\b.{0,40}\binstrucciones\b
    | \bsystem\s*(?:prompt|message) | (?:^|\n)\s*system\s*: | \bdeveloper\s+mode\b
    | \byou\s+are\s+(?:now\s+)?(?:an?\s+)?(?:\w+\s+)?(?:ai|assistant|(?:chat)?bot)\b
    | \b(?:note|message|instructions?)\s+(?:to|for)\s+(?:the\s+)?(?:ai|assistant|model|bot|reader|summari[sz]er)\b
    | \b(?:answer|respond|reply|write)\s+only\s+(?:with|in)\b
    | \bmark\s+(?:\w+\s+){0,4}as\s+(?:resolved|closed|fixed|solved|done|supported|verified|confirmed)\b
    | \bset\s+the\s+status\b | \bapplied_success\b
    | \b(?:say|state|write|tell\s+\w+(?:\s+\w+)?)\s+that\s+(?:it|this|everything|the\s+\w+)\s+
      (?:is|was|has\s+been|worked|failed|held)\b
    | \b(?:repeat|print|reveal|show)\s+(?:\w+\s+)?(?:your|the\s+system)\s+(?:instructions?|prompt|rules)\b
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""Words to whoever processes the text, wherever they stand."""
_ASKED = re.compile(
    r"(?:please|pls|kindly|bitte|veuillez|merci\s+de|s'il\s+(?:vous|te)\s+pla\u00eet|por\s+favor)\b(?!\s+wait)"
    r"|(?:(?:can|could|would)\s+(?:you|someone|somebody)|you\s+(?:must|should|have\s+to|need\s+to)"
    r"|sie\s+(?:m\u00fcssen|sollen|sollten)|k\u00f6nnen\s+sie|vous\s+devez)\b",
    re.IGNORECASE,
)
_ORDERED_TO_DO = re.compile(
    r"""(?:just\s+|simply\s+|also\s+|then\s+|and\s+)?(?:delete|remove|send|forward|give|reset|disable|enable|close|write
    |tell|ask|call|reply|click|open|run|execute|install|transfer|pay|share|provide|restart|reboot|set|change|update
    |confirm|use|add|put|let|switch|turn|create|copy|move|format|link|name|print|repeat|begin|approve|grant|download
    |upload|visit|contact|mark|say|quote|describe|answer|see|relabel|wipe|erase|purge|uninstall|revoke|accept)
    \s+(?:the|this|that|all|any|every|his|her|their|my|our|your|me|us|it|them|him|everything|everyone|to|a|an|off|on)\b(?!\s+\w+\s+(?:failed|fails|did|does|helped|worked|works|hangs|is|was|took|takes)\b)""",
    re.VERBOSE | re.IGNORECASE,
)
_ORDERED = re.compile(
    rf"{_ORDERED_TO_DO.pattern}|(?:do\s+not|don['\u2019]t|never|make\s+sure|be\s+sure)\s+\w+",
    re.VERBOSE | re.IGNORECASE,
)
"""How a sentence begins that asks or orders something."""
_AND = re.compile(r"(?:\b(?:and|then|but|und|aber|et|mais|e|ma|y|pero|en|maar)|[,;])\s+(?=\S)", re.IGNORECASE)
_CALL = r"\b(?:call|ring|phone|text|contact)"
_ON_WHAT = (
    r"(?:call|ring|phone|restart\w*|reboot\w*|touch\w*|chang\w+|allowed|permitted|may|come|access|available|reach\w*"
    r"|an(?:ruf|fass)\w*|neu\s*start\w*|erreichbar|d\u00fcrfen|darf|appel\w*|red\u00e9marr\w*|joign\w*|chiam\w*"
    r"|riavvi\w*"
    r"|tocc\w*|llam\w*|reinici\w*|tocar|toqu\w*|bel(?:len|t)?|herstart\w*|bereikbaar|mag)"
)
_ONLY_WHEN = (
    r"(?:only\s+(?:after|before|between|from|outside)|nur\s+(?:nach|vor|zwischen)|seulement\s+(?:apr\u00e8s|avant|entre)"
    r"|solo\s+(?:dopo|prima|tra|fuori)|s\u00f3lo\s+(?:despu\u00e9s|antes|entre|fuera)"
    r"|alleen\s+(?:na|voor|tussen|buiten))"
)
_CLAUSE = (
    r"(?:^[\"'\u2018\u201c\u201e]?|[,.;:(\u2013\u2014-]\s*|\b(?:and|but|please|pls|kindly|so|then|or|just|ok|also)\s+)"
)
"""Where a clause begins: what somebody tells of themselves has a subject there ("we never restart it")."""
_BOUNDS: Mapping[str, str] = {
    "en": rf"""{_CLAUSE}(?:do\s+not|don['\u2019]?t|never|not\s+to)\b | \bno\s+\w{{3,}}ing\s+(?:\S+\s+){{0,4}}?
      (?:please|without|before|until|till|back|off)\b
    |\b(?:must\s+not|mustn['\u2019]t|may\s+not\s+be\s+\w+(?:ed|en|wn)|no\s+(?:restarts?|reboots?|changes?)
      (?=[\s,]+(?:please|before|until|till|between|during|without|on|today|tonight|after)\b)
    |not\s+between|only\s+with\s+(?:the\s+)?(?:approval|consent|ok)|not\s+before|hands\s+off
    |leave\s+(?:\S+\s+){{1,6}}(?:alone|be)|nowhere\s+else|only\s+copy
    |(?:not|never)\s+backed\s+up|before\s+anything\s+is\s+(?:changed|touched)|stay\s+out\s+of|rather\s+(?:\w+\s+){{0,2}}(?:not|didn['\u2019]?t)
      |keep\s+(?:out\s+of|away\s+from|quiet)
    |(?:nobody|no\s+one|nothing)\s+(?:should|may|must|is\s+(?:to|allowed))
    |(?:nobody|no\s+one)\b.{{0,40}}\bis\s+to\s+be\s+\w+|(?:i|we)\s+(?:do\s+not|don['\u2019]?t)\s+want\s+(?!to\b)\w+
    |(?:says?|said)\s+(?:do\s+not|don['\u2019]?t|never)|(?:nobody|no\s+one)\s+(?:touch|reboot|restart|chang|unplug|switch|mov|delet|shut)\w*)\b
    |{_CALL}\b.{{0,60}}?(?:,|\bonly,?)\s*not\s+(?:to|the|my|his|her|on|at|before|after|in)\b""",
    "de": r"""\baber\s+nicht?\s+(?:vor|nach|zwischen)\s+\d
    |\b(?:bitte\s+(?:\w+\s+){0,2}(?:nicht|kein\w*)|(?:blo(?:\u00df|ss)|ja)\s+(?:nicht|kein\w*)|darf\s+(?:\w+\s+){0,3}(?:nicht|nichts)
    |wird\s+nichts\s+\w+
    |d\u00fcrfen\s+(?:\w+\s+){0,3}(?:nicht|keine)|nur\s+mit\s+freigabe|in\s+ruhe\s+lassen|finger\s+weg
    |nicht\s+passieren\s+darf|r\u00fchrt\w*\s+(?:\w+\s+){0,3}niemand|(?:niemand|keiner)\s+(?:darf|soll|l\u00f6scht|startet|fasst)
    |(?:nicht|ned|net|nid|n\u00f6d)\s+(?:anfassen|angefasst|anr\u00fchren|neu\s*starten|aus(?:schalten|stecken)
      |abschalten|l\u00f6schen|a+lange))\b
    |\b(?-i:NICHT)\s+\w+""",
    "fr": r"""\bne\s+(?:pas|jamais|rien)\b|\b(?:ne\s+(?:l[ae]s?\s+|l['\u2019]|y\s+)?|n['\u2019])\w+ez\s+(?:pas|jamais
      |rien)\b
    |\bne\s+(?:l[ae]s?\s+|l['\u2019]|y\s+)?(?:effac|touch|red[e\u00e9]marr|[e\u00e9]te|d[e\u00e9]branch|supprim
      |modifi|coup|chang)\w*
      \s+(?:pas|rien|jamais)\b
    |^(?:surtout\s+)?pas\s+d(?:e\s+|['\u2019])(?:red[e\u00e9]marr|arr[e\u00ea]t|coupure|reboot|modif|chang|suppress
      |mise\s+\u00e0\s+jour)\w*
    |\blaisse[rz]?\s+(?:\S+\s+){1,6}tranquilles?\b|\bpersonne\s+ne\s+doit\b
    |\b(?:change|touche)[sz]?\s+pas\b|^(?:red[e\u00e9]marre|efface|[e\u00e9]teins|supprime|d[e\u00e9]branche|appelle)[sz]?\s+pas\b""",
    "it": r"""\bnon\s+(?:(?:l[aeio]|gli)\s+)?(?:\w+(?:[aei]te|[aei]r)(?:e|l[aeio]|ci|mi|ne)?|si\s+(?:deve|spegn\w+
      |tocc\w+|riavvi\w+|cancell\w+|stacc\w+)|va\s+(?!\W|bene)\w+)\b
    |\bsolo\s+con\s+il\s+consenso\b|\blasci(?:are|ate|a)\s+stare\b|\bnessuno\s+deve\b""",
    "es": r"""\b(?:por\s+favor[,\s]+no|no\s+(?:l[aeo]s?\s+)?(?:se\s+(?:debe|puede|apag\w+|reinici\w+|toc\w+|borr\w+)
      |reinici\w+|apag\w+|toqu\w+|tocar|llam\w+|cambi\w+
      |borr\w+|desconect\w+|cierr\w+))\b
    |\bdej(?:ar|en|ad|a)\s+(?:\S+\s+){0,6}en\s+paz\b|\bnadie\s+(?:debe|apagu|toqu|reinici|borr|cambi|muev)\w*""",
    "nl": r"""\b(?:gelieve|graag|s\.?v\.?p\.?|aub)\s+(?:\w+\s+){0,3}(?:niet|geen)\b
    |\bmag\s+(?:\w+\s+){0,3}(?:niet|niets)\b
    |\b(?-i:NIET)\s+\w+|^niet\s+.{1,40}\w+en\b|\b(?:er)?af\s?blijven\b|\bniet\s+(?:herstarten|uitzetten|aanraken|aankomen|verwijderen|wissen)\b
    |\bmoogt\s+(?:\w+\s+){0,2}niet\b|\balleen\s+met\s+toestemming\b|\bmet\s+rust\s+laten\b|\bniemand\s+mag\b""",
    "af": r"\bmoenie\b|\bmag\s+(?:\w+\s+){0,3}nie\b",
    "pt": r"""\b(?:n[\u00e3a]o|ningu[\u00e9e]m)\s+(?:[oa]s?\s+)?(?:mex|toqu|desligu|reinici|apagu|alter|mud[ea]|fech
      |cancel|elimin|retir|deve)\w*
    |\bpor\s+favor,?\s+n[\u00e3a]o\b""",
    "nordic": r"""\b(?:m\u00e5|f\u00e5r)\s+(?:\w+\s+){0,2}(?:ikke|ikkje|inte|ej)\b|\br[\u00f8\u00f6]r\s+(?:ikke
      |inte)\b|\bl\u00e5t\s+bli\b|\bhelst\s+(?:ikke|inte)\b|\bikke\s+m\u00e5\b
    |\b(?:ikke|inte)\s+(?:r\u00f8r|sluk|genstart|slet|slette|ta|r\u00f6r|starta|st\u00e4ng|radera)\w*\b
      |\bingen(?:ting)?\s+(?:m\u00e5|f\u00e5r)\b""",
    "fi": r"\b(?:\u00e4l\u00e4|\u00e4lk\u00e4\u00e4|ei\s+saa)\b",
    "pl": r"""\bprosz\u0119\s+(?:\w+\s+){0,2}nie\b|\b(?:prosz\u0119\s+)?nic(?:zego)?\s+nie\s+\w+[a\u0107c]\b
      |\bnie\s+(?:wolno|mo\u017cna|rusza|wy\u0142\u0105cza|usuwa|dotyka|restart|zmienia|kasow|od\u0142\u0105cza)\w*""",
    "cs": r"\bnesm\u00ed\w*|\bne(?:ma\u017e|vyp\u00edn|restart|sahej|odpoj|m\u011b\u0148|dot\u00fdk|zav\u00edr)\w*",
    "any": rf"""\b{_ON_WHAT}\b.{{0,60}}\b{_ONLY_WHEN}\b|\b{_ONLY_WHEN}\b.{{0,60}}\b{_ON_WHAT}\b
    |\b(?:r\u00fcckruf|anruf\w*|r?appel\w*|llam\w*|chiam\w*)\b.{{0,60}},\s*(?:nicht|pas|non|no)\s+(?:bei|d\w+|\u00e0
      |au|l\w+|al\w*|il|el)\b""",
}
"""How each language sets bounds."""
_RESTRICTION = re.compile("|".join(_BOUNDS.values()), re.VERBOSE | re.IGNORECASE)
"""What sets bounds: what must not be done, or when alone."""
_CALLS = re.compile(_CALL, re.IGNORECASE)
"""Whom to call is asked of nobody but the reader, and harms nothing."""
_BEGINNING = 30
"""Characters within which a request that forbids says so: "please don't …"."""


def restricts(text: str) -> bool:
    """Whether a sentence says what must not be done, or when alone; it asks nothing else of its reader."""
    plain = QUOTED.sub("\u00b7", text)
    if to_the_machine(text) or _RESTRICTION.search(plain) is None:
        return False
    if _ASKED.match(plain) and _RESTRICTION.search(plain, 0, _BEGINNING) is None:
        return False
    starts = (match.end() for pattern in (_STATEMENT, _AND) for match in pattern.finditer(plain))
    return not any(_ORDERED_TO_DO.match(plain, start) and not _CALLS.match(plain, start) for start in starts)


def restriction_in(sentence: str) -> str | None:
    """The sentence where it only sets bounds, else the rest of it from where it begins to; None where it sets none."""
    if restricts(sentence):
        return sentence
    if to_the_machine(sentence):
        return None
    rests = (sentence[match.end() :] for match in _AND.finditer(sentence))
    begun = (rest for rest in rests if _RESTRICTION.match(rest) and _AND.match(rest) is None)
    return next((rest for rest in begun if restricts(rest)), None)


@lru_cache(maxsize=1_000)  # a package asks of each of its texts several times
def to_the_machine(text: str) -> bool:
    """Whether a text speaks to whoever processes it, or wants its record changed."""
    return _TO_THE_MACHINE.search(text) is not None


def addresses_reader(text: str) -> bool:
    """Whether a sentence of the text orders or asks something of its reader. Quotations in it do not count."""
    if to_the_machine(text):
        return True
    plain = QUOTED.sub("\u00b7", text)
    starts = (match.end() for match in _STATEMENT.finditer(plain))
    return any(_ASKED.match(plain, start) or _ORDERED.match(plain, start) for start in starts)
