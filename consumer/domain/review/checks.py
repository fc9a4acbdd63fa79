"""The rules that every answer has to keep, one function each, and the table that names them.

A rule sees one statement and says what is wrong with it, in words that can be given to the model. The whole answer is
looked at first: one that recites its instructions, holds a secret or is not in English is not worth a second look.
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
"""The redactor: gives a text back with its secrets replaced."""

_LONGEST: Mapping[Part, int] = {
    Part.PROBLEM: 900,
    Part.CONFIRMED: 280,
    Part.NOTES: 240,
    Part.HYPOTHESIS: 900,
    Part.NEXT_STEPS: 400,
}
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
    """What is wrong with an answer as a whole."""
    for rule, look in WHOLE_RULES.items():
        if (detail := look(draft, answer, scan)) is not None:
            yield Violation(rule=rule, detail=detail)


def statement(said: Said, case: Evidence) -> Iterator[Violation]:
    """What is wrong with one statement."""
    for rule, look in STATEMENT_RULES.items():
        found = [Violation(rule=rule, detail=detail, place=said.place) for detail in look(said, case)]
        yield from found
        if rule is Rule.LENGTH and found:
            return  # the other rules may take time that grows with the square of a text's length


def check_steps(draft: Draft, case: Evidence) -> Iterator[Violation]:
    """What is wrong with the next steps together."""
    for rule, look in STEPS_RULES.items():
        if (found := look(draft, case)) is not None:
            yield Violation(rule=rule, detail=found[0], place=found[1])


def statements(draft: Draft) -> Iterator[Said]:
    """Every statement of a draft but the wordings of facts, which are taken or not without a word."""
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
    """Whether a shorter wording says no more, no less certain and nothing else than its fact."""
    said = Said(place=StatementRef(Part.CONFIRMED), text=text, records=(fact.id,), cites=True)
    own = Lexicon.of((fact.text, fact.source_summary or ""))
    return (
        len(text) <= _LONGEST[Part.CONFIRMED]  # first: the others take longer the longer a text is
        and len(clean(text)) < len(clean(fact.text))
        and words.share(text, fact.text) >= 0.7
        and bool(_NEGATION.search(text)) == bool(_NEGATION.search(fact.text))
        and next(own.foreign(text), None) is None
        and next(statement(said, case), None) is None
    )


# the whole answer


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


# one statement


def _empty(said: Said, case: Evidence) -> Iterator[str]:
    del case
    fewest = 3 if said.part in {Part.NEXT_STEPS, Part.PROBLEM} else 1
    if words.count(said.text) < fewest:
        yield "says nothing"


def _length(said: Said, case: Evidence) -> Iterator[str]:
    del case
    if len(said.text) > _LONGEST[said.part]:
        yield f"over {_LONGEST[said.part]} characters"


def _markup(said: Said, case: Evidence) -> Iterator[str]:
    del case
    if _BLOCK.search(said.text) or _MARKUP.search(said.text):
        yield "holds markup; write plain sentences in one paragraph"


def _invisible(said: Said, case: Evidence) -> Iterator[str]:
    del case
    if not is_harmless(" ".join(said.text.split("\n"))):
        yield "holds invisible or control characters"


def _link(said: Said, case: Evidence) -> Iterator[str]:
    for address in ADDRESS.finditer(said.text):
        if names.normal(address[0]) not in case.lexicon.text:
            yield f"names an address that no record holds: {_cited(address[0])}"


def _placeholder(said: Said, case: Evidence) -> Iterator[str]:
    for found in _TO_FILL_IN.finditer(said.text):
        if not case.lexicon.holds(names.normal(found[0])):
            yield f"leaves something to be filled in: {_cited(found[0])}"


def _record_id(said: Said, case: Evidence) -> Iterator[str]:
    for found in _RECORD_ID.finditer(said.text):
        if not case.lexicon.holds(found[0].casefold()):
            yield f"names a record's id in the text: {found[0]}"


def _self(said: Said, case: Evidence) -> Iterator[str]:
    for found in _SELF.finditer(said.text):
        if not case.lexicon.holds(names.normal(found[0])):
            yield "speaks of its writer or its instructions"


def _intake_quoted(said: Said, case: Evidence) -> Iterator[str]:
    if quotes.too_long(case.bundle.records.intake_text, said.text, clean(said.text)):
        yield "copies a long passage of the intake text; put it in other words"


def _foreign(said: Said, case: Evidence) -> Iterator[str]:
    def unless_recorded(found: re.Match[str]) -> str:
        return found[0] if case.lexicon.holds(names.normal(found[0])) else " "

    text = ADDRESS.sub(" ", said.text)
    for mask in (_SELF, _RECORD_ID, _TO_FILL_IN, _MARKUP):  # each has a rule of its own
        text = mask.sub(unless_recorded, text)
    for name in case.lexicon.foreign(text):
        yield f"names what no record holds: {_cited(name)}"


def _closure(said: Said, case: Evidence) -> Iterator[str]:
    asks = said.part is Part.NEXT_STEPS
    records = frozenset(said.records) if said.cites else frozenset()
    for claim in claims.closures(clean(said.text), records, case.bundle, asks=asks):
        yield f"calls something over that no outcome calls so: {_cited(claim)}"


def _outcome(said: Said, case: Evidence) -> Iterator[str]:
    for claim in claims.false_outcomes(clean(said.text), case.bundle):
        yield f"tells an outcome that is not recorded: {_cited(claim)}"


def _hedged(said: Said, case: Evidence) -> Iterator[str]:
    del case
    if said.part is Part.PROBLEM and (found := _HEDGES.search(said.text)) is not None:
        yield f"hedges: {_cited(found[0])}"


def _tense(said: Said, case: Evidence) -> Iterator[str]:
    if said.part is Part.PROBLEM and case.bundle.records.is_described and not _PAST.search(said.text):
        yield "is not in the past tense"


def _citation(said: Said, case: Evidence) -> Iterator[str]:
    if not said.cites:
        return
    if not said.records:
        yield "rests on no record"
    for record in said.records:
        if record not in case.ids:
            yield f"cites a record that does not exist: {_cited(record)}"
    known = case.ids.intersection(said.records)
    if known and not known & citations.carrying(said.part, case):
        yield citations.FLAWS[said.part]


def _repeated_fix(said: Said, case: Evidence) -> Iterator[str]:
    if said.part is not Part.NEXT_STEPS:
        return
    for fix in case.bundle.records.fixes:
        if fix.status is FixStatus.APPLIED_FAILED and claims.repeats(said.text, fix, case.bundle.records.active_fix):
            yield "asks again for a fix that was applied and failed"


# the next steps together


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
    """Part of an answer as a detail may hold it: short, harmless."""
    return f'"{shorten(clean(text), 80)}"'


WHOLE_RULES: Mapping[Rule, Callable[[Draft, str, Scan], str | None]] = {
    Rule.CANARY: _canary,
    Rule.SECRET: _secret,
    Rule.LANGUAGE: _language,
}
STATEMENT_RULES: Mapping[Rule, Callable[[Said, Evidence], Iterator[str]]] = {
    Rule.LENGTH: _length,  # first: it spares long texts the others
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
