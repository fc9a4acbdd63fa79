"""What an intake says of its impact: who and how many are affected, by when it has to work, who is to be called back.

Sentences of the intake are quoted word for word; one that asks or orders something is left out. English, German,
French, Italian, Spanish and Dutch words are known; a sentence that has none of them is not quoted.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from consumer.domain.language.language import Language
from consumer.domain.text import contacts, orders, sentences, words
from consumer.domain.text.sanitize import ELLIPSIS, clean
from consumer.domain.writing import reporter
from consumer.domain.writing.outcome_table import quoted

MOST_CHARACTERS = 240
"""Of the sentences in one quotation: below the contract's 300 consecutive characters of the intake."""
_MOST_BOUNDS = 280
_LOOKED_AT = 10_000
"""Characters of an intake that are looked at. What goes on is a thread, whose newest mail stands first, or a log."""
_ALREADY_SAID = 0.8
_WHO = re.compile(
    r"""
      \b(?:all|every|everyone|everybody|nobody|no\s+one|none|both|half|about|\d+|two|three|four|five|six|seven|eight|nine|ten
      |eleven|twelve|twenty|thirty|nous\s+sommes|toute|tutt[ei]|nessun\w*|tod[oa]s|ning\w+|iedereen|niemand|alle)\b(?:\s+[^\s,.;:]+){0,2}?\s+(?:users?|people|staff|colleagues?|sites?|branch(?:es)?
      |offices?|machines?|pcs?|laptops?|tills?|rooms?|stations?|printers?|phones?|handsets?|tablets?|ipads?|mailbox(?:es)?
      |clients?|teams?|departments?|orders?|patients?|drivers?|agents?|teachers?|planners?|carers?|pupils?|tenants?|kiosks?
      |benche?s?|wards?|clinics?|depots?|surger(?:y|ies)|shops?|stores?|passengers?|\d{2,}|pl\u00e4tze?|nutzer|mitarbeiter\w*
      |kolleg\w+|rechner|filialen?|standorte?|leute|damen|stationen|postes?|utilisateurs?|salari\u00e9s|agences?|pr\u00e9parateurs?
      |quais?|personnes|utenti|persone|colleghi|negozi|sedi|casse|postazioni|uffici|clienti|usuarios|personas|tiendas|cajas
      |puestos|gebruikers|mensen|collega\w*|winkels|kassa\w*|werkplekken)\b
    | \b(?:can(?:no|['\u2019])t|cannot|unable|not\s+able|stands?\s+still|stopped|down|blocked|lost|nix|nichts|steht
      |stehen|bloqu\u00e9\w*|impossible|plus\s+rien|non\s+(?:funzion\w+|riesc\w+|possiamo|parte|va)|bloccat\w+|ferm[oaie]
      |no\s+(?:funciona\w*|podemos|puede\w*)|bloquead\w+|parad[oa]s?|(?:werkt|kan|kunnen|lukt)\s+(?:\w+\s+)?niet|ligt\s+stil)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DAY = (
    r"(?:\d|noon|midnight|tonight|tomorrow|today|morning|mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday"
    r"|saturday|sunday|week|month|close|audit|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|morgen|heute|mittag"
    r"|inventur|lundi|mardi|mercredi|jeudi|vendredi|samedi|midi|demain|ce\s+soir|luned\u00ec|marted\u00ec|mercoled\u00ec"
    r"|gioved\u00ec|venerd\u00ec|sabato|domenica|mezzogiorno|domani|oggi|stasera|lunes|martes|mi\u00e9rcoles|jueves|viernes"
    r"|s\u00e1bado|domingo|mediod\u00eda|ma\u00f1ana|hoy|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|vandaag"
    r"|vanavond)"
)
_WEEKDAY = r"(?:mon|tues?|wed|thu|fri|sat|sun|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)\w*"
_DEADLINE = re.compile(
    rf"""
      \b(?:by|before|until|till|deadline|due|cut-?off|at\s+the\s+latest|no\s+later|starts?|starting|begins?|going\s+out|out\s+by
      |has\s+to|have\s+to|must|needs?|audits?|visit|opens?|goes?\s+live)\b.{{0,50}}\b{_DAY}
    | \b{_WEEKDAY}.{{0,25}}\b\d{{1,2}}(?:[:.h]\d{{2}}|\s*[ap]m\b|\s*uhr\b|h\b)
    | \b\d{{1,2}}(?:[:.h]\d{{2}}|\s*[ap]m\b)\s+(?:on\s+)?{_WEEKDAY}
    | \b{_DAY}\b.{{0,40}}\b(?:deadline|cut-?off|at\s+the\s+latest|has\s+to|wants|needs|must|muss|audit|inventur|doit
      |clinic|exams?)\b
    | \b(?:bis|vor|sp\u00e4testens|frist|ab|f\u00fcr)\b.{{0,30}}\b{_DAY} | \bmuss\b.{{0,30}}\b{_DAY} | \bheute\s+um\b
    | \b(?:avant|d['\u2019]ici|jusqu\w*|pour|entro|prima|fino|antes|hasta|para|tot|v\u00f3\u00f3r|voor|uiterlijk)
      \b.{{0,40}}\b{_DAY}
    | \b(?:vendredi|lundi|mardi|mercredi|jeudi|samedi)\b.{{0,30}}\d
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HEADER = re.compile(
    r"""\s*(?:from|sent|to|cc|subject|date|von|gesendet|an|betreff|datum|de|envoy\u00e9|\u00e0|objet|da|inviato|oggetto|para
    |enviado|asunto|van|verzonden|aan|onderwerp)\s*:\s""",
    re.VERBOSE | re.IGNORECASE,
)
"""How a line of a mail's head begins."""
_SINCE = re.compile(r"\b(?:since|seit|depuis|dal|dalle|dall['\u2019]\w+|da\s+ieri|desde|sinds)\b", re.IGNORECASE)


def impact_of(intake: str | None, language: Language, *, known: str) -> Iterator[str]:
    """Sentences about an intake's impact, those that `known` does not tell already; then whom to call back."""
    if not intake:
        return
    intake = intake[:_LOOKED_AT]
    reach = contacts.callback(intake)
    said = [
        sentence
        for sentence in _sentences(intake)
        if len(sentence) <= MOST_CHARACTERS and sentence != reach and not orders.addresses_reader(sentence)
    ]
    new = [sentence for sentence in said if words.share(sentence, known) < _ALREADY_SAID]
    chosen = _weightiest(new)
    if chosen:
        yield language.intake_said.format(said=quoted(_joined(chosen, intake), language, MOST_CHARACTERS))
    if bounds := list(_restrictions(intake, (*chosen, reach))):
        yield language.intake_bounds.format(said=quoted(" ".join(bounds), language, _MOST_BOUNDS))
    elif said and not known.strip():
        yield language.intake_began.format(said=quoted(said[0], language, MOST_CHARACTERS))
    name = reporter.reporter(intake)
    if name is not None:
        yield language.reported_by.format(name=quoted(name, language))
    if reach is not None:
        yield language.call_back.format(reach=quoted(reach, language, MOST_CHARACTERS))


def _joined(chosen: Sequence[str], intake: str) -> str:
    """The sentences as one quotation; what was left out between two is marked."""
    whole = clean(intake)
    joined = chosen[0]
    for before, sentence in pairwise(chosen):
        joined += f" {sentence}" if f"{before} {sentence}" in whole else f" {ELLIPSIS} {sentence}"
    return joined


def _restrictions(intake: str, quoted_already: Sequence[str | None]) -> Iterator[str]:
    """What must not be done, or when alone, by the intake's sentences or the rest of one: as many as fit."""
    room = _MOST_BOUNDS
    for sentence in _sentences(intake):
        bound = None if sentence in quoted_already else orders.restriction_in(sentence)
        if bound is not None and len(bound) <= room:
            yield bound
            room -= len(bound) + 1


def _weightiest(said: Sequence[str]) -> list[str]:
    """The sentences with the most weight that fit in one quotation, in the order of the intake."""
    weighed = sorted(((-_weight(sentence), number) for number, sentence in enumerate(said)))
    chosen: list[int] = []
    room = MOST_CHARACTERS
    for weight, number in weighed:
        if weight < 0 and len(said[number]) <= room:
            chosen.append(number)
            room -= len(said[number]) + 3
    return [said[number] for number in sorted(chosen)]


def _weight(sentence: str) -> int:
    """A deadline weighs most: it is what cannot be asked for in time. A question tells nothing."""
    if sentence.endswith("?"):
        return 0
    return 3 * bool(_DEADLINE.search(sentence)) + 2 * bool(_WHO.search(sentence)) + bool(_SINCE.search(sentence))


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if _HEADER.match(line):
            continue
        yield from (_balanced(clean(said)) for said in sentences.sentences_of(line.strip()))


def _balanced(sentence: str) -> str:
    """Without the quotation mark that the end or the begin of the sentence left alone."""
    return sentence if sentence.count('"') % 2 == 0 else "".join(sentence.rsplit('"', 1))
