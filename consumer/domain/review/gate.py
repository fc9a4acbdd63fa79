"""The one gate between an answer and a package: it reads the answer, checks it, renders it and checks the text.

`review` accepts an answer as a whole or rejects it. `salvage` is for a repaired answer: it leaves out the statements
that still break a rule, if every section stays valid without them. Neither raises, whatever the answer holds.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import checks, shape
from consumer.domain.review.checks import Scan
from consumer.domain.review.violations import Evidence, Part, Rule, Said, StatementRef, Violation
from consumer.domain.writing import draft, outcome_table, rules_draft, sections
from consumer.domain.writing.draft import Draft, Statement, Unreadable, Wording
from consumer.domain.writing.markdown import Rendered, render
from schemas.packages import Caution

_CITATION = re.compile(r"\s*[(\[](?:[FSXPR]\d{1,4}(?:\s*[,;&]\s*|\s+and\s+)?)+[)\]]")
_EMPHASIS = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|__(?=\S)(.+?)(?<=\S)__")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'\[(])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An answer that became a package."""

    draft: Draft
    rendered: Rendered
    warnings: tuple[Caution, ...]
    violations: tuple[Violation, ...] = ()
    """The violations of the statements that were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An answer that did not become a package."""

    violations: tuple[Violation, ...]
    """At least one; each is a line for the model."""


def review(text: str, bundle: Bundle, *, scan: Scan) -> Accepted | Rejected:
    """Accepts an answer that breaks no rule, else rejects it with its violations. `scan` redacts secrets in a text."""
    case = Evidence(bundle)
    drafted = _read(text, bundle, case)
    if isinstance(drafted, Rejected):
        return drafted
    violations = _violations(drafted, text, case, scan)
    return Rejected(violations=violations) if violations else _accepted(drafted, bundle, ())


def salvage(text: str, bundle: Bundle, *, scan: Scan) -> Accepted | Rejected:
    """Like `review`, but leaves out the statements that break a rule, if every section stays valid without them."""
    case = Evidence(bundle)
    drafted = _read(text, bundle, case)
    if isinstance(drafted, Rejected):
        return drafted
    violations = _violations(drafted, text, case, scan)
    if not violations:
        return _accepted(drafted, bundle, ())
    rest = _without(drafted, {violation.place for violation in violations if violation.place}, case)
    rest = _with_first_step(rest, bundle)
    if _violations(rest, text, case, scan):
        return Rejected(violations=violations)
    return _accepted(rest, bundle, (Caution.STATEMENTS_REMOVED,), violations)


def by_rules(bundle: Bundle) -> Accepted:
    """The package that rules draft from the records, without a model. Works for every bundle."""
    drafted = rules_draft.draft_by_rules(bundle)
    rendered = render(bundle, drafted)
    return Accepted(draft=drafted, rendered=rendered, warnings=_cautions(bundle, rendered, ()))


def _read(text: str, bundle: Bundle, case: Evidence) -> Draft | Rejected:
    answer = draft.read_answer(text, tuple(fact.id for fact in bundle.records.facts))
    if isinstance(answer, Unreadable):
        return Rejected(violations=tuple(Violation(rule=Rule.UNREADABLE, detail=detail) for detail in answer.problems))
    tidied = _tidied(answer, case)
    wordings = tuple(
        wording
        for wording in tidied.confirmed
        if wording.record in case.facts and checks.is_grounded_wording(wording.text, case.facts[wording.record], case)
    )
    return tidied.model_copy(update={"confirmed": wordings})


def _violations(drafted: Draft, answer: str, case: Evidence, scan: Scan) -> tuple[Violation, ...]:
    if of_the_whole := tuple(checks.whole(drafted, answer, scan)):
        return of_the_whole
    of_statements = [
        violation for statement in _shown_statements(drafted, case) for violation in checks.statement(statement, case)
    ]
    return (*of_statements, *checks.check_steps(drafted, case))


def _shown_statements(drafted: Draft, case: Evidence) -> Iterable[Said]:
    """The statements that the package will show: none of a section that code writes alone."""
    silent = set()
    if not case.bundle.records.is_described:
        silent.add(Part.PROBLEM)
    fix = case.bundle.records.active_fix
    if fix is None or not outcome_table.leads(fix):
        silent.add(Part.HYPOTHESIS)
    return (statement for statement in checks.statements(drafted) if statement.part not in silent)


def _accepted(
    drafted: Draft, bundle: Bundle, warnings: tuple[Caution, ...], left_out: tuple[Violation, ...] = ()
) -> Accepted | Rejected:
    rendered = render(bundle, drafted)
    if violations := tuple(shape.check(bundle, rendered)):
        return Rejected(violations=(*left_out, *violations))
    cautions = _cautions(bundle, rendered, warnings)
    return Accepted(draft=drafted, rendered=rendered, warnings=cautions, violations=left_out)


def _cautions(bundle: Bundle, rendered: Rendered, warnings: tuple[Caution, ...]) -> tuple[Caution, ...]:
    shortened = bundle.truncated or rendered.truncated
    return (*warnings, Caution.TRUNCATED_INPUT) if shortened else warnings


def _tidied(drafted: Draft, case: Evidence) -> Draft:
    """The draft without small slips: emphasis, ids in brackets, blank notes, steps given twice, `NO_HYPOTHESIS`."""
    unique = {step.text.casefold(): step for step in (_mended(step, case) for step in drafted.next_steps)}
    return drafted.model_copy(
        update={
            "problem": _mended(drafted.problem, case),
            "confirmed": tuple(
                Wording(record=wording.record, text=_mend(wording.text, case)) for wording in drafted.confirmed
            ),
            "notes": tuple(
                Wording(record=note.record, text=_mend(note.text, case)) for note in drafted.notes if note.text.strip()
            ),
            "hypothesis": _without_sentinel(_mended(drafted.hypothesis, case)),
            "next_steps": tuple(unique.values()),
        }
    )


def _without_sentinel(statement: Statement) -> Statement:
    text = statement.text.replace(sections.NO_HYPOTHESIS, "").strip()
    return statement.model_copy(update={"text": text})


def _mended(statement: Statement, case: Evidence) -> Statement:
    return statement.model_copy(update={"text": _mend(statement.text, case)})


def _mend(text: str, case: Evidence) -> str:
    def keep_known(match: re.Match[str]) -> str:
        return match[0] if case.lexicon.holds(match[0].strip().casefold()) else ""

    plain = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    return _CITATION.sub(keep_known, plain).strip()


def _without(drafted: Draft, places: set[StatementRef], case: Evidence) -> Draft:
    """The draft without the statements at these places. Problem and hypothesis lose only their faulty sentences."""
    return drafted.model_copy(
        update={
            "problem": _sound(drafted, Part.PROBLEM, drafted.problem, places, case),
            "notes": tuple(note for at, note in enumerate(drafted.notes) if StatementRef(Part.NOTES, at) not in places),
            "hypothesis": _sound(drafted, Part.HYPOTHESIS, drafted.hypothesis, places, case),
            "next_steps": tuple(
                step for at, step in enumerate(drafted.next_steps) if StatementRef(Part.NEXT_STEPS, at) not in places
            )[: sections.MOST_STEPS],
        }
    )


def _sound(drafted: Draft, part: Part, statement: Statement, places: set[StatementRef], case: Evidence) -> Statement:
    """The statement without its faulty sentences. Tense and emptiness are judged for the whole statement only."""
    if StatementRef(part) not in places:
        return statement
    cited = tuple(record for record in statement.records if record in case.ids)
    cites = drafted.form is draft.DraftForm.JSON
    sentences = (
        Said(place=StatementRef(part), text=sentence, records=cited, cites=cites)
        for sentence in _SENTENCES.split(statement.text)
    )
    kept = [
        sentence.text for sentence in sentences if not set(_broken_rules(sentence, case)) - {Rule.TENSE, Rule.EMPTY}
    ]
    return statement.model_copy(update={"text": " ".join(kept), "records": cited})


def _broken_rules(sentence: Said, case: Evidence) -> Iterable[Rule]:
    return (violation.rule for violation in checks.statement(sentence, case))


def _with_first_step(drafted: Draft, bundle: Bundle) -> Draft:
    """The draft with the first step that the outcome table demands. Code writes it where the answer has none."""
    fix = bundle.records.active_fix
    demanded = outcome_table.first_step(fix)
    first = drafted.next_steps[0].text if drafted.next_steps else ""
    if fix is None or demanded is None or outcome_table.first_step_flaw(fix, first) is None:
        return drafted
    step = Statement(text=demanded, records=(fix.id,))
    return drafted.model_copy(update={"next_steps": (step, *drafted.next_steps)[: sections.MOST_STEPS]})
