"""Who reported a problem, as an intake names them, in English, German, French, Italian, Spanish or Dutch."""

import re

from consumer.domain.text import orders
from consumer.domain.text.sanitize import clean

_LONGEST_NAME = 80
_NAME = (
    r"(?-i:[^\W\d_][\w.'\u2019-]*"
    r"(?:\s+(?:(?:della|del|de|von|van|of)\b|&|[A-Z\u00c0-\u00dd][\w.'\u2019-]*|\([^)]{1,30}\))){0,5})"
)
_GREETING = (
    r"\b(?:salve|ciao|buon(?:giorno|asera)|hola|buen[oa]s(?:\s+(?:d[i\u00ed]as|tardes))?|bon(?:jour|soir)|hallo|tach|moin|servus"
    r"|gr\u00fcezi|guten\s+(?:tag|morgen|abend)|goede(?:morgen|middag)|dag)[\s,.!]+"
)
_REPORTED = re.compile(
    rf"""
      ^(?:from|von|de|da|van|od|fr[a\u00e5]n?|l\u00e4hett\u00e4j\u00e4)\s*:\s*(?P<header>[^\n<]{{3,{_LONGEST_NAME}}})
    | \b(?:(?:call|mail|e-?mail|ticket|chat|voicemail|note)\s+(?:from|of)|caller:?|contact:?|reported\s+by
      |phoned\s+in\s+by|(?:\A|["\u201c]|\b(?:hi|hello|hey|morning|afternoon|evening|there|all)[\s,.!-]+(?:(?-i:[A-Z]\w+)[\s,.!-]+)?)(?:this\s+is|it['\u2019]s)
      |anruf(?:\s+von)?|mail\s+von|appel\s+de|courriel\s+de|{_GREETING}(?:\w+\s+){{0,2}}(?:sono|soy|ici|je\s+suis|hier\s+spricht|ik\s+ben|u\s+spreekt\s+met))
      \s+(?P<name>(?=(?-i:[A-Z\u00c0-\u00dd])){_NAME}(?:,\s*[^,.:;\n\u00ab"]{{3,40}})?)
    | {_GREETING}(?P<here>(?=(?-i:[A-Z\u00c0-\u00dd])){_NAME})\s+hier\b
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_AFTER_NAME = re.compile(
    r",\s*(?:i|we|ich|wir|je|nous|io|yo|ik)\b|,\s*(?:\u00e0\s+)?\d|\s+\d{1,2}[:.h]\d|(?<=\w{4})\.\s|\s+(?:by|at|on)\s",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|yesterday|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch",
    re.IGNORECASE,
)
_PARTICLE = re.compile(r"\s+(?:della|del|de|von|van|of)$")
_LOWER = re.compile(r"[a-z\u00df-\u00ff]")
_PHONED = re.compile(
    r"^(?:phone|call|voicemail|vm|anruf|appel)[\s,]+\d{1,2}[:.h]\d{2}(?:\s*[ap]m\b|\s*uhr)?+(?:\s+(?-i:[A-Z]{2,5})\b)?+[\s,.:-]+"
    r"(?P<name>(?-i:[A-Z\u00c0-\u00dd])[^.:\n\d]{2,70})",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    rf"""\b(?:regards|thanks|thank\s+you|cheers|ta|best|warmest|sincerely|faithfully|mfg|lg|gru(?:\u00df|ss)
    |gr\u00fc(?:\u00df|ss)e|merci(?:\s+ben)?|cordialement|saludos?|gracias|saluti|grazie|groet(?:en|jes)?|mihi)[\s,!.]+
    (?P<name>(?=(?-i:[A-Z\u00c0-\u00dd])){_NAME})(?:,?\s*\n[^\n]{{2,40}})?\s*\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_FILLED_IN = re.compile(
    r"^\s*(?:your\s+|ihr\s+)?(?:name|requester|requestor|caller|contact|reporter|melder|nom|nombre|nome|naam)\s*:\s*"
    r"(?P<name>[^\n<:,]{3,60})$",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKER = re.compile(r"^(?P<name>[^\W\d_][\w.' -]{1,30}(?:\([^)]{1,30}\))?)\s*:\s", re.MULTILINE)
_OURS = frozenset(("agent", "support", "helpdesk", "technician", "bot", "system"))


def reporter(intake: str) -> str | None:
    """Who reported it, as the intake names them: perhaps with a role or a firm."""
    head = intake[:400]
    match = _FILLED_IN.search(intake) or _REPORTED.search(head) or _PHONED.search(head) or _SIGNED.search(intake)
    if match is None:
        return _speaker(intake)
    named = next(group for group in match.groups() if group).splitlines()[0]
    name = _AFTER_NAME.split(clean(named), maxsplit=1)[0].rstrip(" ,;:")
    name = _PARTICLE.sub("", name)
    is_name = _LOWER.search(name) is not None and not name.endswith(("'s", "\u2019s")) and not _DATED.match(name)
    return name[:_LONGEST_NAME] if is_name and not orders.addresses_reader(name) else None


def _speaker(intake: str) -> str | None:
    """Who speaks first in a chat, and more than once; none of the help desk's."""
    names = [match["name"].strip() for match in _SPEAKER.finditer(intake)]
    first = next((name for name in names if name.casefold() not in _OURS), None)
    speaks = first is not None and sum(name.split()[0] == first.split()[0] for name in names) > 1
    return clean(first) if first is not None and speaks else None
