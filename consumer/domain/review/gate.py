"""The one gate between an answer and a package: it reads the answer, checks it, renders it and checks the text.

`review` accepts an answer as a whole or rejects it. `salvage` is for a repaired answer: it leaves out the statements
that still break a rule, if every section stays valid without them. Neither raises, whatever the answer holds.
"""

from dataclasses import dataclass

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import shape
from consumer.domain.review.checks import Scan
from consumer.domain.review.judging import violations_of
from consumer.domain.review.leaving_out import with_first_step, without
from consumer.domain.review.tidying import tidied
from consumer.domain.review.violations import Evidence, Rule, Violation
from consumer.domain.writing import draft, rules_draft
from consumer.domain.writing.draft import Draft, Unreadable
from consumer.domain.writing.markdown import Rendered, render
from schemas.packages import Caution


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
    violations = violations_of(drafted, text, case, scan)
    return Rejected(violations=violations) if violations else _accepted(drafted, bundle, ())


def salvage(text: str, bundle: Bundle, *, scan: Scan) -> Accepted | Rejected:
    """Like `review`, but leaves out the statements that break a rule, if every section stays valid without them."""
    case = Evidence(bundle)
    drafted = _read(text, bundle, case)
    if isinstance(drafted, Rejected):
        return drafted
    violations = violations_of(drafted, text, case, scan)
    if not violations:
        return _accepted(drafted, bundle, ())
    rest = without(drafted, {violation.place for violation in violations if violation.place}, case)
    rest = with_first_step(rest, bundle)
    if violations_of(rest, text, case, scan):
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
    return tidied(answer, case)


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
