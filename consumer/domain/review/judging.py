"""What a draft breaks: rules for the whole answer first, then rules for the statements that the package will show."""

from collections.abc import Iterable, Iterator

from consumer.domain.review import checks
from consumer.domain.review.violations import Evidence, Part, Said, Violation
from consumer.domain.writing import outcome_table
from consumer.domain.writing.draft import Draft


def violations_of(drafted: Draft, statements: Iterable[Said], case: Evidence) -> Iterator[Violation]:
    """Yields every violation of a draft's `shown_statements`, in their order, then those of its parts as a whole."""
    shown = shown_parts(case)
    for said in statements:
        yield from checks.statement(said, case)
    for part, text in ((Part.PROBLEM, drafted.problem.text), (Part.HYPOTHESIS, drafted.hypothesis.text)):
        if part in shown:
            yield from checks.paragraph(part, text, case)
    yield from checks.check_steps(drafted)


def shown_statements(drafted: Draft, case: Evidence) -> Iterator[Said]:
    """The statements that the package will show: none of a section that code writes alone."""
    shown = shown_parts(case)
    return (statement for statement in checks.statements(drafted) if statement.part in shown)


def shown_parts(case: Evidence) -> frozenset[Part]:
    """The parts of an answer that the package shows."""
    silent = set()
    if not case.bundle.records.is_described:
        silent.add(Part.PROBLEM)
    if not outcome_table.leads(case.bundle.records.active_fix):
        silent.add(Part.HYPOTHESIS)
    return frozenset(Part) - silent
