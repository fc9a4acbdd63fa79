"""The rules that code is certain of: one function for each rule, and a table that names them.

A rule looks at one statement and says what is wrong with it, in words that go to the model. Whether a statement is true
to the records is no rule here: words cannot tell. The second reader judges that.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from consumer.domain.review import spellings
from consumer.domain.review.grounding import Lexicon
from consumer.domain.review.violations import Evidence, Part, Rule, Said, StatementRef, Violation
from consumer.domain.text import language, names, sentences, words
from consumer.domain.text.sanitize import ADDRESS, clean, is_harmless, shorten
from consumer.domain.writing import quotes, sections
from consumer.domain.writing.draft import Draft, DraftForm, StepAction
from schemas.sessions import FixStatus

LONGEST_PARAGRAPH = 1_200
"""Characters."""
_LONGEST: Mapping[Part, int] = {
    Part.PROBLEM: LONGEST_PARAGRAPH,
    Part.CONFIRMED: 280,
    Part.NOTES: 240,
    Part.HYPOTHESIS: LONGEST_PARAGRAPH,
    Part.NEXT_STEPS: 400,
}
"""The most characters of a statement in each part."""
_LAST = frozenset({Rule.LENGTH, Rule.SECRET})
"""After these no other rule looks: its time may grow with the square of a text's length, its detail quotes the text."""
_FEWEST_WORDS = 3
"""Of a next step."""
_BLOCK = re.compile(
    r"^\s{0,3}(?:\#{1,6}\s|>\s|[-*+]\s|\d{1,3}[.)]\s|```|~~~)|\n\s*(?:\#|[-*+>]\s|\d{1,3}[.)]\s|\n|```)",
    re.VERBOSE | re.MULTILINE,
)
_MARKUP = re.compile(
    r"""
      <\s*/?\s*[a-z!?][^<>]{0,400}>?    # HTML, comments, tags of our own
    | !?\[[^\[\]]{0,400}\]\s?[(\[]      # images, links
    | ^\s{0,3}\[[^\]]{1,100}\]:         # link definitions
    | \*\*\S | __\S | ``` | &\#?\w{1,10};
    | \#\#\s
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_LINKED = re.compile(r"\]\([^()]*[^()\w]")
"""A link to more than a word: brackets of a log have a letter or a number."""
_TO_FILL_IN = re.compile(
    r"""
      \bT\.?B\.?[DCA]\b | \bTODO\b | \bFIXME\b | \blorem\s+ipsum\b | \bX{3,}\b | \?{3,} | \{\{ | \$\{
    | [\[<{(]\s*(?:insert|placeholder|your|name\s+of|the\s+name|hostname|host|user(?:name)?|date|time|fill|add
      |to\s+be|e\.?g\.?|ip\s+address|server|details|reason|example|n/?a|none|unknown|pending|blank)\b[^\]>})]{0,60}[\]>}]
    | ^\W*(?:n/?a|none|unknown|null|\.{3}|-+)\W*$
    """,
    re.VERBOSE | re.IGNORECASE,
)
_RECORD_ID = re.compile(r"(?<![\w-])[FSXPR]\d{1,4}(?![\w-])")
_SELF = re.compile(
    r"\b(?:claude(?:[-\s][\w.-]+)?|anthropic|sonnet|haiku|gpt-?\d?\w*|chatgpt|openai|(?:as\s+)?an?\s+ai(?:\s+\w+)?"
    r"|(?:large\s+)?language\s+model|my\s+instructions|system\s+prompt|these\s+instructions|previous\s+instructions)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(
    r"\bi\s+(?:am|can(?:no|')t|was|have|will|would|apologi[sz]e)\b|\bi['\u2019]m\b", re.IGNORECASE
)
_MATTER = r"(?:issue|problem|incident|ticket|case|symptom|fault|outage|error|trouble|matter|everything)s?"
_OVER = r"(?:resolved|fixed|solved|closed)"
_ALL_OVER = re.compile(
    rf"(?:the|this|that|everything)?\s*(?:\w+\s+)?{_MATTER}\s+(?:is|are|was|were|has\s+been|have\s+been)"
    rf"(?:\s+(?:now|already|fully|completely|finally))*\s+{_OVER}(?:\s+and\s+(?:{_OVER}|verified|confirmed))*"
    r"(?:\s+by\s+the\s+(?:customer|users?))?\W*",
    re.IGNORECASE,
)
"""A whole sentence that says nothing but that the case is over."""
_ANY_OVER = re.compile(rf"\b{_OVER}\b|\bgel\u00f6st\b|\bbehoben\b", re.IGNORECASE)


def statement(said: Said, case: Evidence) -> Iterator[Violation]:
    """Yields the violations of one statement. One that is too long, or holds a secret, is checked no further."""
    for rule, look in STATEMENT_RULES.items():
        violations = [Violation(rule=rule, detail=detail, place=said.place) for detail in look(said, case)]
        yield from violations
        if rule in _LAST and violations:
            return


def paragraph(part: Part, text: str, case: Evidence) -> Iterator[Violation]:
    """Yields the violations of a paragraph, or a list, as a whole: one for each of its statements."""
    if quotes.too_long(case.bundle.records.intake_text, text, clean(text)):
        for number, _ in enumerate(sentences.sentences_of(text)):
            detail = "copies a long passage of the intake text; put it in other words"
            yield Violation(rule=Rule.INTAKE_QUOTED, detail=detail, place=StatementRef(part, number))


def check_steps(draft: Draft) -> Iterator[Violation]:
    """Yields the violation of the next steps taken together."""
    if len(draft.next_steps) < sections.FEWEST_STEPS:
        yield Violation(rule=Rule.STEP_COUNT, detail=f"{len(draft.next_steps)} next steps; give two to four")


def statements(draft: Draft) -> Iterator[Said]:
    """Yields every statement of a draft, in its order."""
    cites = draft.form is DraftForm.JSON
    for part, prose in ((Part.PROBLEM, draft.problem), (Part.HYPOTHESIS, draft.hypothesis)):
        for number, sentence in enumerate(sentences.sentences_of(prose.text)):
            yield Said(place=StatementRef(part, number), text=sentence, records=prose.records, cites=cites)
    for part, wordings in ((Part.CONFIRMED, draft.confirmed), (Part.NOTES, draft.notes)):
        for number, wording in enumerate(wordings):
            yield Said(place=StatementRef(part, number), text=wording.text, records=(wording.record,), cites=cites)
    for number, step in enumerate(draft.next_steps):
        tries = step.fix if step.action is StepAction.TRY else ""
        place = StatementRef(Part.NEXT_STEPS, number)
        yield Said(place=place, text=step.text, records=step.records, cites=cites, tries=tries)


# rules for one statement


def _empty(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    if words.count(statement.text) < (_FEWEST_WORDS if statement.part is Part.NEXT_STEPS else 1):
        yield "says nothing"


def _other_language(statement: Said, case: Evidence) -> Iterator[str]:
    wanted = case.bundle.language
    if statement.part in {Part.CONFIRMED, Part.NOTES} and not language.is_written_in(wanted.words, statement.text):
        yield f"is not in {wanted.name}"


def _length(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    if len(statement.text) > _LONGEST[statement.part]:
        yield f"over {_LONGEST[statement.part]} characters"


def _secret(statement: Said, case: Evidence) -> Iterator[str]:
    if not case.is_clean(statement.text):
        yield "holds what looks like a secret"


def _markup(statement: Said, case: Evidence) -> Iterator[str]:
    marks = (match[0] for match in _MARKUP.finditer(statement.text))
    if _BLOCK.search(statement.text) or not all(_is_recorded(mark, case) for mark in marks):
        yield "holds markup; write plain sentences in one paragraph"


def _is_recorded(mark: str, case: Evidence) -> bool:
    """Whether it is brackets that stand in the records, as in "[8/8] [UUUUUUUU]" or "sdc3[2](F)"; never a link."""
    return mark[0] == "[" and names.normal(mark) in case.lexicon.text and not _LINKED.search(case.lexicon.text)


def _invisible(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    if not is_harmless(" ".join(statement.text.split("\n"))):
        yield "holds invisible or control characters"


def _link(statement: Said, case: Evidence) -> Iterator[str]:
    for address in ADDRESS.finditer(statement.text):
        if names.normal(address[0]) not in case.lexicon.text:
            yield f"names an address that no record holds: {_cited(address[0])}"


def _placeholder(statement: Said, case: Evidence) -> Iterator[str]:
    for match in _either(_TO_FILL_IN, case.bundle.language.to_fill_in, statement.text):
        if not case.lexicon.holds(names.normal(match[0])):
            yield f"leaves something to be filled in: {_cited(match[0])}"


def _record_id(statement: Said, case: Evidence) -> Iterator[str]:
    for match in _RECORD_ID.finditer(statement.text):
        if not case.lexicon.holds(match[0].casefold()):
            yield f"names a record's id in the text: {match[0]}"


def _self(statement: Said, case: Evidence) -> Iterator[str]:
    speaks = [*_either(_SELF, case.bundle.language.of_itself, statement.text)]
    if statement.part is not Part.CONFIRMED:  # the wording of a fact may be what somebody said of themselves
        speaks += _FIRST_PERSON.finditer(statement.text)
    if not all(case.lexicon.holds(names.normal(match[0])) for match in speaks):
        yield "speaks of its writer or its instructions"


def _foreign(statement: Said, case: Evidence) -> Iterator[str]:
    lexicon = case.lexicon_of(statement.records[0]) if statement.part is Part.CONFIRMED else case.lexicon
    wanted = case.bundle.language
    recorded = spellings.as_recorded(statement.text, wanted.spelling, lexicon)
    if not lexicon.foreign(recorded):
        return

    def unless_recorded(match: re.Match[str]) -> str:
        return match[0] if lexicon.holds(names.normal(match[0])) else " "

    text = ADDRESS.sub(" ", recorded)
    # each of these has its own rule
    for mask in (_SELF, wanted.of_itself, _RECORD_ID, _TO_FILL_IN, wanted.to_fill_in, _MARKUP):
        text = mask.sub(unless_recorded, text)
    holder = "its fact does not hold" if statement.part is Part.CONFIRMED else "no record holds"
    for name in lexicon.foreign(text):
        if statement.part is Part.CONFIRMED and _is_fuller(name, lexicon, case.lexicon):
            continue
        yield f"names what {holder}: {_cited(name)}; use the record's own name or number, or leave it out"


def _is_fuller(name: str, of_fact: Lexicon, of_all: Lexicon) -> bool:
    """Whether other records hold a name whole, and the fact its last part: "Ann Wendt" for "Mrs Wendt"."""
    _, _, last = names.normal(name).rpartition(" ")
    return " " in name and name.istitle() and of_fact.holds(last) and of_all.holds(names.normal(name))


def _outcome(statement: Said, case: Evidence) -> Iterator[str]:
    said = statement.text.strip()
    if _ALL_OVER.fullmatch(said) is None and case.bundle.language.over.fullmatch(said) is None:
        return
    solved = any(fix.status is FixStatus.APPLIED_SUCCESS for fix in case.bundle.records.fixes)
    if not solved and _ANY_OVER.search(case.lexicon.text) is None:
        yield "says that the case is over, and no record does; say what is still open"


def _citation(statement: Said, case: Evidence) -> Iterator[str]:
    if statement.part is Part.CONFIRMED:
        if not case.facts.keys() & set(statement.records):
            yield "is a wording of no fact; name the fact's id"
    elif statement.part is Part.NOTES:
        if not case.listed & set(statement.records):
            yield "is a note on no record of the lists; name a fact, a check, a script or an applied fix"
    elif statement.cites and not case.ids & set(statement.records):
        named = ", ".join(map(_cited, statement.records))
        yield f"rests on no record that exists: {named}" if named else "rests on no record; name the ids"


def _repeated_fix(statement: Said, case: Evidence) -> Iterator[str]:
    failed = {fix.id for fix in case.bundle.records.fixes if fix.status is FixStatus.APPLIED_FAILED}
    if statement.tries in failed:
        yield "is to try a fix that was applied and failed; take another path"


def _either(pattern: re.Pattern[str], other: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    yield from pattern.finditer(text)
    yield from other.finditer(text)


def _cited(text: str) -> str:
    """A part of an answer, quoted for a detail: cleaned, and shortened to 80 characters."""
    return f'"{shorten(clean(text), 80)}"'


STATEMENT_RULES: Mapping[Rule, Callable[[Said, Evidence], Iterator[str]]] = {
    Rule.LENGTH: _length,  # first: no other rule looks at a text that is too long
    Rule.SECRET: _secret,
    Rule.EMPTY: _empty,
    Rule.LANGUAGE: _other_language,
    Rule.MARKUP: _markup,
    Rule.INVISIBLE: _invisible,
    Rule.LINK: _link,
    Rule.PLACEHOLDER: _placeholder,
    Rule.RECORD_ID: _record_id,
    Rule.SELF: _self,
    Rule.FOREIGN: _foreign,
    Rule.OUTCOME: _outcome,
    Rule.CITATION: _citation,
    Rule.REPEATED_FIX: _repeated_fix,
}
