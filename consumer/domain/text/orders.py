"""Tells a text that addresses its reader from one that reports: orders, requests, and words to whoever processes it.

A text that is taken for one is shown as a quotation with its source, and is called no finding. That does no harm to a
finding that only looks like one. The words are English, German, French and Spanish.
"""

import re

_QUOTED = re.compile(r"\"[^\"]*\"|\u201e[^\u201c\u201d]*[\u201c\u201d]|\u201c[^\u201d]*\u201d|(?<!\w)'[^']*'(?!\w)")
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
      (?:is|was|has\s+been)\s+(?:fixed|resolved|solved|fine|ok)\b
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
_ORDERED = re.compile(
    r"""(?:just\s+|simply\s+|also\s+|then\s+|and\s+)?(?:delete|remove|send|forward|give|reset|disable|enable|close|write
    |tell|ask|call|reply|click|open|run|execute|install|transfer|pay|share|provide|restart|reboot|set|change|update
    |confirm|use|add|put|let|switch|turn|create|copy|move)\s+(?:the|this|that|all|any|every|his|her|their|my|our|your|me|us
    |it|them|him|to|a|an|off|on)\b(?!\s+\w+\s+(?:failed|fails|did|does|helped|worked|works|hangs|is|was|took|takes)\b)
    |(?:do\s+not|don['\u2019]t|never|make\s+sure|be\s+sure)\s+\w+""",
    re.VERBOSE | re.IGNORECASE,
)
"""How a sentence begins that asks or orders something."""


def to_the_machine(text: str) -> bool:
    """Whether a text speaks to whoever processes it, or wants its record changed."""
    return _TO_THE_MACHINE.search(text) is not None


def addresses_reader(text: str) -> bool:
    """Whether a sentence of the text orders or asks something of its reader. Quotations in it do not count."""
    if to_the_machine(text):
        return True
    plain = _QUOTED.sub("\u00b7", text)
    starts = (match.end() for match in _STATEMENT.finditer(plain))
    return any(_ASKED.match(plain, start) or _ORDERED.match(plain, start) for start in starts)
