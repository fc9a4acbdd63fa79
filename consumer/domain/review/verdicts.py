"""The verdict on every check of a draft: kept, mended by a repair, removed with its statements, quoted, or broken.

A check of an answer has the name of its rule. A check of a package has the name of its function in `shape`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.review import judging, shape
from consumer.domain.review.violations import Evidence, Rule, Scan, Violation
from consumer.domain.review.whole import check_whole
from consumer.domain.writing.draft import Draft

QUOTES = frozenset({Rule.PLACEHOLDER, Rule.FOREIGN, Rule.LENGTH, Rule.LANGUAGE})
"""Rules that a rules draft may break because it quotes the record: its doubts, claims, gaps, its language, and texts
cut short.
"""


class CheckStanding(StrEnum):
    """How a check ended."""

    KEPT = "kept"
    MENDED = "mended"
    """An earlier answer broke it, the last one did not."""
    REMOVED = "removed"
    """The last answer broke it in statements that were left out."""
    QUOTED = "quoted"
    """A rules draft quotes a record that would break it."""
    BROKEN = "broken"
    """An answer that broke it was rejected, and rules drafted. A package that breaks it must not be published."""


class Checked(StrEnum):
    """What a check looks at."""

    ANSWER = "answer"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict on one check."""

    of: Checked
    check: str
    standing: CheckStanding
    times: int = 0
    """How often it was broken, in all answers together."""
    details: tuple[str, ...] = ()


def of_answers(answers: Sequence[Sequence[Violation]], *, written: bool) -> tuple[Verdict, ...]:
    """The verdicts on the model's answers, from their violations in order. `written`: the last became the package."""
    return tuple(_of_answers(rule, answers, written=written) for rule in Rule)


def _of_answers(rule: Rule, answers: Sequence[Sequence[Violation]], *, written: bool) -> Verdict:
    by_answer = [[violation for violation in answer if violation.rule is rule] for answer in answers]
    broken = [violation for violations in by_answer for violation in violations]
    if not broken:
        standing = CheckStanding.KEPT
    elif by_answer[-1]:
        standing = CheckStanding.REMOVED if written else CheckStanding.BROKEN
    else:
        standing = CheckStanding.MENDED
    return _verdict(Checked.ANSWER, rule.value, standing, broken)


def of_rules(bundle: Bundle, drafted: Draft, scan: Scan) -> tuple[Verdict, ...]:
    """The verdicts on a rules draft. It must keep the rules of an answer, except where it quotes (`QUOTES`)."""
    case = Evidence(bundle, scan)
    violations = [
        *check_whole(drafted, "", case),
        *judging.violations_of(drafted, judging.shown_statements(drafted, case), case),
    ]
    return tuple(_of_rules(rule, [violation for violation in violations if violation.rule is rule]) for rule in Rule)


def _of_rules(rule: Rule, broken: list[Violation]) -> Verdict:
    standing = CheckStanding.KEPT if not broken else CheckStanding.QUOTED if rule in QUOTES else CheckStanding.BROKEN
    return _verdict(Checked.ANSWER, rule.value, standing, broken)


def of_package(bundle: Bundle, rendered: Rendered) -> Iterator[Verdict]:
    """Yields the verdicts on the text that would go out."""
    for look in shape.CHECKS:
        broken = [Violation(rule=rule, detail=detail) for rule, detail in look(bundle, rendered)]
        standing = CheckStanding.BROKEN if broken else CheckStanding.KEPT
        yield _verdict(Checked.PACKAGE, look.__name__.removeprefix("_"), standing, broken)


def _verdict(of: Checked, check: str, standing: CheckStanding, broken: Sequence[Violation]) -> Verdict:
    details = tuple(dict.fromkeys(str(violation) for violation in broken))
    return Verdict(of=of, check=check, standing=standing, times=len(broken), details=details)
