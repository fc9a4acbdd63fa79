"""The rules that an answer of the model must keep: one function for each rule, and tables that name them.

A rule looks at one statement and says what is wrong with it, in words that go to the model. Rules for the whole answer
come first: if an answer recites its instructions, holds a secret or is not in English, its statements are not checked.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from consumer.domain.bundle.records import FactRecord
from consumer.domain.review import citations, claims
from consumer.domain.review.grounding import Lexicon
from consumer.domain.review.violations import Evidence, Part, Rule, Said, StatementRef, Violation
from consumer.domain.text import language, names, words
from consumer.domain.text.sanitize import ADDRESS, clean, is_harmless, shorten
from consumer.domain.writing import outcome_table, prompt, quotes, sections
from consumer.domain.writing.draft import Draft, DraftForm
from schemas.sessions import FixStatus

Scan = Callable[[str], str]
"""The redactor: returns a text with its secrets replaced."""

_LONGEST: Mapping[Part, int] = {
    Part.PROBLEM: 900,
    Part.CONFIRMED: 280,
    Part.NOTES: 240,
    Part.HYPOTHESIS: 900,
    Part.NEXT_STEPS: 400,
}
"""The most characters of a statement in each part."""
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
    r"|(?:large\s+)?language\s+model|i\s+(?:am|can(?:no|')t|was|have|will|would|apologi[sz]e)|i['\u2019]m|my\s+instructions"
    r"|system\s+prompt|these\s+instructions|previous\s+instructions)\b",
    re.IGNORECASE,
)
_HEDGES = re.compile(
    r"\b(?:might|maybe|perhaps|possibly|probably|likely|presumably|apparently|seem(?:s|ed|ingly)?|appear(?:s|ed)?\s+to"
    r"|could\s+(?:be|have)|may\s+(?:be|have|not|also|indicate)|suspected|suspects?|i\s+think|we\s+think|unclear|supposedly"
    r"|potentially|assumed)\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:was|were|had|did|could|\w{2,}ed|began|became|broke|came|fell|felt|found|gave|got|went|kept|left|lost|made|met|ran|read"
    r"|rose|said|sat|saw|sent|showed|shut|stood|stuck|took|told|wrote|froze|hung|cut|put|hit|let)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|without|cannot|neither|nor|nothing|nobody|fail\w*|un\w{4,})\b|n['\u2019]t\b", re.IGNORECASE
)


def whole(draft: Draft, answer: str, scan: Scan) -> Iterator[Violation]:
    """Yields the violations of an answer as a whole."""
    for rule, look in WHOLE_RULES.items():
        if (detail := look(draft, answer, scan)) is not None:
            yield Violation(rule=rule, detail=detail)


def statement(said: Said, case: Evidence) -> Iterator[Violation]:
    """Yields the violations of one statement. A statement that is too long is checked no further."""
    for rule, look in STATEMENT_RULES.items():
        violations = [Violation(rule=rule, detail=detail, place=said.place) for detail in look(said, case)]
        yield from violations
        if rule is Rule.LENGTH and violations:
            return  # the other rules may take time that grows with the square of a text's length


def check_steps(draft: Draft, case: Evidence) -> Iterator[Violation]:
    """Yields the violations of the next steps taken together."""
    for rule, look in STEPS_RULES.items():
        if (flaw := look(draft, case)) is not None:
            yield Violation(rule=rule, detail=flaw[0], place=flaw[1])


def statements(draft: Draft) -> Iterator[Said]:
    """Yields the statements of a draft, except wordings of facts: a wording that breaks a rule is left out silently."""
    cites = draft.form is DraftForm.JSON
    yield Said(place=StatementRef(Part.PROBLEM), text=draft.problem.text, records=draft.problem.records, cites=cites)
    for index, note in enumerate(draft.notes):
        yield Said(place=StatementRef(Part.NOTES, index), text=note.text, records=(note.record,), cites=cites)
    if draft.hypothesis.text.strip():
        hypothesis = draft.hypothesis
        yield Said(place=StatementRef(Part.HYPOTHESIS), text=hypothesis.text, records=hypothesis.records, cites=cites)
    for index, step in enumerate(draft.next_steps):
        yield Said(place=StatementRef(Part.NEXT_STEPS, index), text=step.text, records=step.records, cites=cites)


def is_grounded_wording(text: str, fact: FactRecord, case: Evidence) -> bool:
    """Whether a wording is shorter than its fact, says nothing that the fact does not say, and is no less certain."""
    wording = Said(place=StatementRef(Part.CONFIRMED), text=text, records=(fact.id,), cites=True)
    own = Lexicon.of((fact.text, fact.source_summary or ""))
    return (
        len(text) <= _LONGEST[Part.CONFIRMED]  # first: the other conditions take longer for a longer text
        and len(clean(text)) < len(clean(fact.text))
        and words.share(text, fact.text) >= 0.7
        and bool(_NEGATION.search(text)) == bool(_NEGATION.search(fact.text))
        and next(own.foreign(text), None) is None
        and next(statement(wording, case), None) is None
    )


# rules for the whole answer


def _canary(draft: Draft, answer: str, scan: Scan) -> str | None:
    del draft, scan
    squeezed = re.sub(r"[\W_]+", "", answer).casefold()
    canary = re.sub(r"[\W_]+", "", prompt.CANARY).casefold()
    recited = canary in squeezed or canary[::-1] in squeezed or "sessionrecords" in squeezed
    return "the answer recites its instructions" if recited else None


def _secret(draft: Draft, answer: str, scan: Scan) -> str | None:
    del answer
    texts = "\n".join(_all_texts(draft))
    return "the answer holds what looks like a secret" if scan(texts) != texts else None


def _language(draft: Draft, answer: str, scan: Scan) -> str | None:
    del answer, scan
    texts = (draft.problem.text, draft.hypothesis.text, *(step.text for step in draft.next_steps))
    return None if all(map(language.is_english, texts)) else "the answer is not in English"


def _all_texts(draft: Draft) -> Iterator[str]:
    yield draft.problem.text
    yield draft.hypothesis.text
    yield from (wording.text for wording in (*draft.confirmed, *draft.notes))
    yield from (step.text for step in draft.next_steps)


# rules for one statement


def _empty(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    fewest = 3 if statement.part in {Part.NEXT_STEPS, Part.PROBLEM} else 1
    if words.count(statement.text) < fewest:
        yield "says nothing"


def _length(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    if len(statement.text) > _LONGEST[statement.part]:
        yield f"over {_LONGEST[statement.part]} characters"


def _markup(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    if _BLOCK.search(statement.text) or _MARKUP.search(statement.text):
        yield "holds markup; write plain sentences in one paragraph"


def _invisible(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    if not is_harmless(" ".join(statement.text.split("\n"))):
        yield "holds invisible or control characters"


def _link(statement: Said, case: Evidence) -> Iterator[str]:
    for address in ADDRESS.finditer(statement.text):
        if names.normal(address[0]) not in case.lexicon.text:
            yield f"names an address that no record holds: {_cited(address[0])}"


def _placeholder(statement: Said, case: Evidence) -> Iterator[str]:
    for match in _TO_FILL_IN.finditer(statement.text):
        if not case.lexicon.holds(names.normal(match[0])):
            yield f"leaves something to be filled in: {_cited(match[0])}"


def _record_id(statement: Said, case: Evidence) -> Iterator[str]:
    for match in _RECORD_ID.finditer(statement.text):
        if not case.lexicon.holds(match[0].casefold()):
            yield f"names a record's id in the text: {match[0]}"


def _self(statement: Said, case: Evidence) -> Iterator[str]:
    for match in _SELF.finditer(statement.text):
        if not case.lexicon.holds(names.normal(match[0])):
            yield "speaks of its writer or its instructions"


def _intake_quoted(statement: Said, case: Evidence) -> Iterator[str]:
    if quotes.too_long(case.bundle.records.intake_text, statement.text, clean(statement.text)):
        yield "copies a long passage of the intake text; put it in other words"


def _foreign(statement: Said, case: Evidence) -> Iterator[str]:
    def unless_recorded(match: re.Match[str]) -> str:
        return match[0] if case.lexicon.holds(names.normal(match[0])) else " "

    text = ADDRESS.sub(" ", statement.text)
    for mask in (_SELF, _RECORD_ID, _TO_FILL_IN, _MARKUP):  # each of these has its own rule
        text = mask.sub(unless_recorded, text)
    for name in case.lexicon.foreign(text):
        yield f"names what no record holds: {_cited(name)}"


def _closure(statement: Said, case: Evidence) -> Iterator[str]:
    asks = statement.part is Part.NEXT_STEPS
    records = frozenset(statement.records) if statement.cites else frozenset()
    for claim in claims.closures(clean(statement.text), records, case.bundle, asks=asks):
        yield f"calls something over that no outcome calls so: {_cited(claim)}"


def _outcome(statement: Said, case: Evidence) -> Iterator[str]:
    for claim in claims.false_outcomes(clean(statement.text), case.bundle):
        yield f"tells an outcome that is not recorded: {_cited(claim)}"


def _hedged(statement: Said, case: Evidence) -> Iterator[str]:
    del case
    if statement.part is Part.PROBLEM and (hedge := _HEDGES.search(statement.text)) is not None:
        yield f"hedges: {_cited(hedge[0])}"


def _tense(statement: Said, case: Evidence) -> Iterator[str]:
    if statement.part is Part.PROBLEM and case.bundle.records.is_described and not _PAST.search(statement.text):
        yield "is not in the past tense"


def _citation(statement: Said, case: Evidence) -> Iterator[str]:
    if not statement.cites:
        return
    if not statement.records:
        yield "rests on no record"
    for record in statement.records:
        if record not in case.ids:
            yield f"cites a record that does not exist: {_cited(record)}"
    known = case.ids.intersection(statement.records)
    if known and not known & citations.carrying(statement.part, case):
        yield citations.FLAWS[statement.part]


def _repeated_fix(statement: Said, case: Evidence) -> Iterator[str]:
    if statement.part is not Part.NEXT_STEPS:
        return
    for fix in case.bundle.records.fixes:
        if fix.status is FixStatus.APPLIED_FAILED and claims.repeats(
            statement.text, fix, case.bundle.records.active_fix
        ):
            yield "asks again for a fix that was applied and failed"


# rules for the next steps together


def _step_count(draft: Draft, case: Evidence) -> tuple[str, StatementRef | None] | None:
    del case
    if sections.FEWEST_STEPS <= len(draft.next_steps) <= sections.MOST_STEPS:
        return None
    return f"{len(draft.next_steps)} next steps; give two to four", None


def _first_step(draft: Draft, case: Evidence) -> tuple[str, StatementRef | None] | None:
    first = draft.next_steps[0].text if draft.next_steps else ""
    flaw = outcome_table.first_step_flaw(case.bundle.records.active_fix, first) if first else None
    return None if flaw is None else (flaw, StatementRef(Part.NEXT_STEPS))


def _cited(text: str) -> str:
    """A part of an answer, quoted for a detail: cleaned, and shortened to 80 characters."""
    return f'"{shorten(clean(text), 80)}"'


WHOLE_RULES: Mapping[Rule, Callable[[Draft, str, Scan], str | None]] = {
    Rule.CANARY: _canary,
    Rule.SECRET: _secret,
    Rule.LANGUAGE: _language,
}
STATEMENT_RULES: Mapping[Rule, Callable[[Said, Evidence], Iterator[str]]] = {
    Rule.LENGTH: _length,  # first: no other rule looks at a text that is too long
    Rule.EMPTY: _empty,
    Rule.MARKUP: _markup,
    Rule.INVISIBLE: _invisible,
    Rule.LINK: _link,
    Rule.PLACEHOLDER: _placeholder,
    Rule.RECORD_ID: _record_id,
    Rule.SELF: _self,
    Rule.INTAKE_QUOTED: _intake_quoted,
    Rule.FOREIGN: _foreign,
    Rule.CLOSURE: _closure,
    Rule.OUTCOME: _outcome,
    Rule.HEDGED: _hedged,
    Rule.TENSE: _tense,
    Rule.CITATION: _citation,
    Rule.REPEATED_FIX: _repeated_fix,
}
STEPS_RULES: Mapping[Rule, Callable[[Draft, Evidence], tuple[str, StatementRef | None] | None]] = {
    Rule.STEP_COUNT: _step_count,
    Rule.FIRST_STEP: _first_step,
}
