"""The one gate between an answer and a package: it reads the answer, checks it, renders it and checks the text.

`review` reads an answer and names what breaks a rule. `assemble` makes the package of what may stand: the statements
that are flagged leave, and rules write where a section has nothing left. Neither raises, whatever the answer holds.
"""

from collections.abc import Collection
from dataclasses import dataclass

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.rendering.markdown import Rendered, render
from consumer.domain.review import judging, shape
from consumer.domain.review.leaving_out import completed, is_bare, without
from consumer.domain.review.tidying import tidied
from consumer.domain.review.violations import Evidence, Rule, Said, Scan, Violation
from consumer.domain.review.whole import check_whole
from consumer.domain.writing import draft, rules_draft
from consumer.domain.writing.draft import Draft, Unreadable
from schemas.packages import Caution


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """An answer that can become a package, perhaps without some statements."""

    draft: Draft
    """As the model wrote it, without small slips."""
    statements: tuple[Said, ...]
    """The statements that the package would show; all of the model's."""
    violations: tuple[Violation, ...]
    """What code refuses; each is a line for the model."""

    @property
    def readable(self) -> tuple[Said, ...]:
        """The statements that another model may see: none with a secret."""
        secret = {violation.place for violation in self.violations if violation.rule is Rule.SECRET}
        return tuple(said for said in self.statements if said.place not in secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A draft that became a package."""

    draft: Draft
    rendered: Rendered
    warnings: tuple[Caution, ...]
    left_out: tuple[Said, ...] = ()
    """The statements that were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An answer that cannot become a package."""

    violations: tuple[Violation, ...]
    """At least one; each is a line for the model."""


def review(text: str, bundle: Bundle, *, scan: Scan) -> Reviewed | Rejected:
    """Reads an answer and checks it. `scan` redacts secrets in a text."""
    answer = draft.read_answer(text, tuple(fact.id for fact in bundle.records.facts), bundle.language)
    if isinstance(answer, Unreadable):
        return Rejected(violations=tuple(Violation(rule=Rule.UNREADABLE, detail=detail) for detail in answer.problems))
    case = Evidence(bundle, scan)
    drafted = tidied(answer, case)
    if unfit := tuple(check_whole(drafted, text, case)):
        return Rejected(violations=unfit)
    statements = tuple(judging.shown_statements(drafted, case))
    violations = tuple(judging.violations_of(drafted, statements, case))
    return Reviewed(draft=drafted, statements=statements, violations=violations)


def assemble(reviewed: Reviewed, bundle: Bundle, *, flagged: Collection[Violation] = ()) -> Accepted | Rejected:
    """The package without the statements that break a rule or are `flagged`; Rejected if nothing is left of it."""
    violations = (*reviewed.violations, *flagged)
    places = {violation.place for violation in violations if violation.place}
    rest = without(reviewed.draft, places)
    if places and is_bare(rest):
        return Rejected(violations=violations)
    written = completed(rest, bundle)
    rendered = render(bundle, written)
    if broken := tuple(shape.check(bundle, rendered)):
        return Rejected(violations=(*violations, *broken))
    left_out = tuple(said for said in reviewed.statements if said.place in places)
    removed = (Caution.STATEMENTS_REMOVED,) if left_out else ()
    return Accepted(
        draft=written, rendered=rendered, warnings=(*removed, *_cautions(bundle, rendered)), left_out=left_out
    )


def by_rules(bundle: Bundle) -> Accepted:
    """The package that rules draft from the records, without a model. Works for every bundle."""
    drafted = rules_draft.draft_by_rules(bundle)
    rendered = render(bundle, drafted)
    return Accepted(draft=drafted, rendered=rendered, warnings=_cautions(bundle, rendered))


def _cautions(bundle: Bundle, rendered: Rendered) -> tuple[Caution, ...]:
    return (Caution.TRUNCATED_INPUT,) if bundle.truncated or rendered.truncated else ()
