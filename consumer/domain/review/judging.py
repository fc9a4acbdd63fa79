"""What a draft breaks: rules for the whole answer first, then rules for the statements that the package will show."""

from collections.abc import Iterable

from consumer.domain.review import checks
from consumer.domain.review.checks import Scan
from consumer.domain.review.violations import Evidence, Part, Said, Violation
from consumer.domain.writing import outcome_table
from consumer.domain.writing.draft import Draft


def violations_of(drafted: Draft, answer: str, case: Evidence, scan: Scan) -> tuple[Violation, ...]:
    """Every violation, in the order of the statements; none for a draft that may be published. `scan` finds secrets."""
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
