"""What became of every check of a draft: kept, mended by a repair, removed with its statements, or broken.

Checks of an answer have the names of the rules, checks of the package those of the promises that the text keeps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import checks, shape
from consumer.domain.review.checks import Scan
from consumer.domain.review.violations import Evidence, Rule, Violation
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.markdown import Rendered

QUOTES = frozenset({Rule.HEDGED, Rule.CLOSURE, Rule.PLACEHOLDER, Rule.FOREIGN, Rule.LENGTH})
"""What a rules draft may break, for it quotes: the record's own doubts, claims, gaps, and texts cut short."""


class CheckStanding(StrEnum):
    """How a check ended."""

    KEPT = "kept"
    MENDED = "mended"
    """The first answer broke it, the last one did not."""
    REMOVED = "removed"
    """The last answer broke it, in statements that were left out."""
    QUOTED = "quoted"
    """A rules draft quotes a record that would break it."""
    BROKEN = "broken"
    """Of an answer: it was rejected, and rules drafted. Of a package: it must not be published."""


class Checked(StrEnum):
    """What a check looks at."""

    ANSWER = "answer"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check."""

    of: Checked
    check: str
    standing: CheckStanding
    times: int = 0
    """Broken, in all answers together."""
    details: tuple[str, ...] = ()


def of_answers(answers: Sequence[Sequence[Violation]], *, written: bool) -> tuple[Verdict, ...]:
    """Of what the model's answers broke, in their order; `written` says whether the last one became the package."""
    return tuple(_of_answers(rule, answers, written=written) for rule in Rule)


def _of_answers(rule: Rule, answers: Sequence[Sequence[Violation]], *, written: bool) -> Verdict:
    found = [[violation for violation in answer if violation.rule is rule] for answer in answers]
    broken = [violation for each in found for violation in each]
    if not broken:
        standing = CheckStanding.KEPT
    elif found[-1]:
        standing = CheckStanding.REMOVED if written else CheckStanding.BROKEN
    else:
        standing = CheckStanding.MENDED
    return _verdict(Checked.ANSWER, rule.value, standing, broken)


def of_rules(bundle: Bundle, drafted: Draft, scan: Scan) -> tuple[Verdict, ...]:
    """Of a rules draft, held to the rules of an answer as far as it speaks for itself."""
    case = Evidence(bundle)
    violations = [
        *checks.whole(drafted, "", scan),
        *(violation for said in checks.statements(drafted) for violation in checks.statement(said, case)),
        *checks.check_steps(drafted, case),
    ]
    return tuple(_of_rules(rule, [each for each in violations if each.rule is rule]) for rule in Rule)


def _of_rules(rule: Rule, broken: list[Violation]) -> Verdict:
    standing = CheckStanding.KEPT if not broken else CheckStanding.QUOTED if rule in QUOTES else CheckStanding.BROKEN
    return _verdict(Checked.ANSWER, rule.value, standing, broken)


def of_package(bundle: Bundle, rendered: Rendered) -> Iterator[Verdict]:
    """Of the text that would go out."""
    for look in shape.CHECKS:
        broken = [Violation(rule=rule, detail=detail) for rule, detail in look(bundle, rendered)]
        standing = CheckStanding.BROKEN if broken else CheckStanding.KEPT
        yield _verdict(Checked.PACKAGE, look.__name__.removeprefix("_"), standing, broken)


def _verdict(of: Checked, check: str, standing: CheckStanding, broken: Sequence[Violation]) -> Verdict:
    details = tuple(dict.fromkeys(str(violation) for violation in broken))
    return Verdict(of=of, check=check, standing=standing, times=len(broken), details=details)
