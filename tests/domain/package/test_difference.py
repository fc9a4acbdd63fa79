"""What changed between two packages: by section, with the records and the events that changed them."""

from dataclasses import replace

import pytest

from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.package import difference
from consumer.domain.package.difference import OtherSession, RevisionDifference
from consumer.domain.package.proof import StoredEvidence
from consumer.domain.text.marks import Mark
from schemas.packages import ReferenceKind, SectionKey
from tests.domain.package.test_proof import published
from tests.support import build

FIRST = (
    build.opened(title="Printer"),
    build.fact("The printer shows error 42.", fact_id="f-1"),
    build.fact("It was bought in May.", fact_id="f-2"),
    build.fix("Replace the cable", fix_id="x-1"),
)


def evidence(*events: SessionEvent) -> StoredEvidence:
    ordered = build.in_order(*events)
    return StoredEvidence(
        package=published(build.bundle_of(ordered)),
        key=build.KEY,
        arrivals=len(ordered),
        events=ordered,
        reason=None,
    )


def between(*events: SessionEvent) -> RevisionDifference:
    return difference.compare_revisions(evidence(*FIRST), evidence(*FIRST, *events))


def test_nothing_changed_without_an_event() -> None:
    result = between()
    assert (result.records, result.events, result.values) == ((), 0, ())
    assert not any(section.changed for section in result.sections)


def test_a_revised_fact_changes_its_line_and_names_its_event() -> None:
    result = between(build.fact("The printer shows error 43.", fact_id="f-1"))
    assert [section.key for section in result.sections if section.changed] == [SectionKey.CONFIRMED]
    (record,) = result.records
    assert (record.kind, record.id, record.mark) == (ReferenceKind.FACT, "f-1", Mark.KEPT)
    assert [(value.name, value.after) for value in record.values] == [("text", "The printer shows error 43.")]
    assert [event.version for event in record.events] == [5]
    assert result.events == 1


def test_a_retracted_fact_and_a_new_one_are_told_apart() -> None:
    result = between(build.retracted(fact_id="f-2"), build.fact("The cable is loose.", fact_id="f-3"))
    assert [(record.id, record.mark) for record in result.records] == [("f-3", Mark.ADDED), ("f-2", Mark.REMOVED)]


def test_an_outcome_tells_the_status_before_and_after() -> None:
    result = between(build.outcome("applied_failed", fix_id="x-1", failure_reason="It is the board."))
    (record,) = result.records
    assert [(value.name, value.before, value.after) for value in record.values] == [
        ("status", "proposed", "applied_failed"),
        ("failure_reason", None, "It is the board."),
    ]


def test_a_new_title_is_the_sessions() -> None:
    result = between(build.described(title="Copier"))
    (record,) = result.records
    assert (record.kind, record.id, len(record.events)) == (ReferenceKind.SESSION, build.KEY.session_id, 1)


def test_an_event_that_is_no_longer_stored_is_told() -> None:
    whole = evidence(*FIRST)
    assert between().complete
    assert not difference.compare_revisions(whole, replace(whole, events=whole.events[:-1])).complete


def test_the_other_way_round_what_came_went() -> None:
    result = difference.compare_revisions(evidence(*FIRST, build.fact("New.", fact_id="f-9")), evidence(*FIRST))
    assert [(record.id, record.mark, len(record.events)) for record in result.records] == [("f-9", Mark.REMOVED, 1)]


def test_packages_of_two_sessions_are_not_compared() -> None:
    with pytest.raises(OtherSession):
        difference.compare_revisions(evidence(*FIRST), replace(evidence(*FIRST), key=SessionKey("other", "s")))
