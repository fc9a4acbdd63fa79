"""What an intake says of its impact: who and how many are affected, by when it has to work, who is to be called back.

Sentences of the intake are quoted word for word; one that asks or orders something is left out. English, German,
French, Italian, Spanish and Dutch words weigh them; what they do not weigh stands where there is room.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from consumer.domain.language.language import Language
from consumer.domain.text import contacts, number_words, orders, sentences, words
from consumer.domain.text.sanitize import ADDRESS, ELLIPSIS, clean
from consumer.domain.text.sentences import QUOTED
from consumer.domain.writing import reporter
from consumer.domain.writing.outcome_table import quoted

MOST_CHARACTERS = 240
"""Of the sentences in one quotation: below the contract's 300 consecutive characters of the intake."""
_MOST_QUOTATIONS = 4
_FEWEST_WORDS = 5
"""Of a sentence that says something, whatever its words: no greeting, no name."""
_MOST_BOUNDS = 280
_LOOKED_AT = 10_000
"""Characters of an intake that are looked at. What goes on is a thread, whose newest mail stands first, or a log."""
_ALREADY_SAID = 0.8
_QUOTATION_MARKS = "\"'\u201e\u201c\u201d"
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
_NO_WORDS_OF_THEIRS = re.compile(
    r"""\s*>|\s*(?:from|sent|to|cc|subject|date|von|gesendet|an|betreff|datum|de|envoy\u00e9|\u00e0|objet|da|inviato|oggetto|para
    |enviado|asunto|van|verzonden|aan|onderwerp|od|do|temat|wys\u0142ano|fr[a\u00e5]n?|till?|emne|\u00e4mne|sendt|skickat
    |assunto|p\u0159edm\u011bt|komu|l\u00e4hett\u00e4j\u00e4|aihe)\s*:\s""",
    re.VERBOSE | re.IGNORECASE,
)
"""How a line of a mail's head begins, and one of a mail that is passed on."""
_CLAUSE_ENDS = ",;:"
_CLAUSE_END = re.compile(rf"(?<=[{_CLAUSE_ENDS}])\s+")
_GREETING = re.compile(
    r"""(?:(?:hi|hello|hey|dear|hallo|moin|guten|bonjour|hola|buen[oa]s|salve|ciao|buon\w*|ol\u00e1|bom|hej|hei|dag|goede\w*)\b
    [^.!?]{0,30})?(?:[,!.\s]*i\s+hope\b|[,!.]?$|thanks?\b|thank\s+you|(?:kind|best)\s+regards|vielen\s+dank|mit\s+freundlichen|merci
    |gracias|grazie|obrigad[oa]|cordialement|un\s+saludo|met\s+vriendelijke)""",
    re.VERBOSE | re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_REMARK = re.compile(r"\[[^\]]*\]")
"""A line about how the intake came: "[Voicemail, 13:06, transcribed]"."""
_SINCE = re.compile(r"\b(?:since|seit|depuis|dal|dalle|dall['\u2019]\w+|da\s+ieri|desde|sinds)\b", re.IGNORECASE)


def impact_of(intake: str | None, language: Language, *, known: str) -> Iterator[str]:
    """Sentences about an intake's impact, those that `known` does not tell already; then whom to call back."""
    if not intake:
        return
    intake = intake[:_LOOKED_AT]
    reach = _balanced(contacts.callback(intake) or "") or None
    bounds = list(_restrictions(intake, reach))
    said = [
        part
        for sentence in _sentences(intake)
        if sentence not in {reach, *bounds} and not orders.addresses_reader(sentence) and not ADDRESS.search(sentence)
        for part in _parts(sentence)
    ]
    new = [sentence for sentence in said if words.share(sentence, known) < _ALREADY_SAID]
    if orders.to_the_machine(intake):  # what it says beside that may be part of it
        new = [sentence for sentence in new if _is_impact(sentence)]
    quotations = _in_quotations(_weightiest(new))
    for number, together in enumerate(quotations):
        frame = language.intake_also_said if number else language.intake_said
        yield frame.format(said=quoted(_joined(together, intake), language, MOST_CHARACTERS))
    if bounds:
        yield language.intake_bounds.format(said=quoted(" ".join(bounds), language, _MOST_BOUNDS))
    if said and not quotations and not bounds and not known.strip():
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


def _restrictions(intake: str, reach: str | None) -> Iterator[str]:
    """What must not be done, or when alone, by the intake's sentences or the rest of one: as many as fit."""
    room = _MOST_BOUNDS
    for sentence in _sentences(intake):
        bound = None if sentence == reach else _bound(sentence)
        if bound is not None and len(bound) <= room:
            yield bound
            room -= len(bound) + 1


def _bound(sentence: str) -> str | None:
    """What of a sentence sets bounds; all of it where somebody's words in it do: 'She says: "Don't …"'."""
    if (bound := orders.restriction_in(sentence)) is not None:
        return bound
    said = (match[0].strip(_QUOTATION_MARKS) for match in QUOTED.finditer(sentence))
    return sentence if any(map(orders.restricts, said)) and not orders.addresses_reader(sentence) else None


def _weightiest(said: Sequence[str]) -> list[str]:
    """The sentences with the most weight that fit in the quotations, in the order of the intake."""
    weights = [_weight(sentence) for sentence in said]
    chosen: list[int] = []
    for number in sorted(range(len(said)), key=lambda each: -weights[each]):
        more = sorted((*chosen, number))
        if weights[number] and len(_in_quotations([said[each] for each in more])) <= _MOST_QUOTATIONS:
            chosen = more
    return [said[number] for number in chosen]


def _in_quotations(said: Sequence[str]) -> list[list[str]]:
    """The sentences by the quotation in which they stand together."""
    quotations: list[list[str]] = []
    room = 0
    for sentence in said:
        if len(sentence) > room:
            quotations.append([])
            room = MOST_CHARACTERS
        quotations[-1].append(sentence)
        room -= len(sentence) + len(f" {ELLIPSIS} ")
    return quotations


def _weight(sentence: str) -> int:
    """A deadline weighs most: it is what cannot be asked for in time. A question and a greeting tell nothing."""
    if sentence.endswith("?") or words.count(sentence) < _FEWEST_WORDS:
        return 0
    if _GREETING.match(sentence) and not _FIGURE.search(sentence):
        return 0
    tells_since = (
        _SINCE.search(sentence) or _FIGURE.search(sentence) or any(number_words.values_in(sentence.casefold()))
    )
    return 1 + 3 * bool(_DEADLINE.search(sentence)) + 2 * bool(_WHO.search(sentence)) + bool(tells_since)


def _is_impact(sentence: str) -> bool:
    return any(pattern.search(sentence) for pattern in (_DEADLINE, _WHO, _SINCE))


def _parts(sentence: str) -> Iterator[str]:
    """The sentence, or the parts of one that is too long for a quotation: as many clauses, or words, as fit in each."""
    part = ""
    clauses = _CLAUSE_END.split(sentence)
    for clause in chain.from_iterable([each] if len(each) <= MOST_CHARACTERS else each.split() for each in clauses):
        if part and len(part) + len(clause) >= MOST_CHARACTERS:
            yield part.rstrip(_CLAUSE_ENDS)
            part = ""
        part = f"{part} {clause}" if part else clause
    if len(part) <= MOST_CHARACTERS:
        yield part


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if _NO_WORDS_OF_THEIRS.match(line) or _REMARK.fullmatch(line.strip()):
            continue
        yield from (_balanced(clean(said)) for said in sentences.sentences_of(line.strip()))


def _balanced(sentence: str) -> str:
    """Without the quotation mark that the end or the begin of the sentence left alone."""
    return sentence if sentence.count('"') % 2 == 0 else "".join(sentence.rsplit('"', 1))
