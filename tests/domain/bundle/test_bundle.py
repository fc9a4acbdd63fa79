"""What a bundle holds and when its digest changes."""

import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from consumer.domain.bundle import bundle as bundles
from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord, FixRecord, Records, ScriptRecord, compact, records_document
from consumer.domain.events import SessionEvent
from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.session.fixes import OutcomeText
from consumer.domain.session.session import Session, fold
from tests.domain import answers
from tests.support import build, histories

LOCAL = timezone(timedelta(hours=2))
DIGEST = "bd63de3d0a5f631aff08ce32d555f45b92d5443b5627def6115a3334a5d03141"
"""Of the session of `answers`."""
PASSWORD = "[REDACTED:password:00112233445566aa]"
TOKEN = "[REDACTED:token:ffeeddccbbaa0011]"
SAME_PASSWORD_SWEPT = "[REDACTED:secret:00112233445566aa]"
OTHER_PASSWORD = "[REDACTED:password:9999999999999999]"


def document(bundle: Bundle) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(bundle.canonical)
    return parsed


class TestWhatItTells:
    def test_the_description_the_ticket_and_the_reason(self) -> None:
        bundle = build.bundle(
            build.opened(
                title="A", problem_summary="B", problem_domain="C", intake_text=" D\n", psa_ticket=build.TICKET
            ),
            reason="The customer waits.",
        )
        assert document(bundle) == {
            "title": "A",
            "problem_summary": "B",
            "problem_domain": "C",
            "intake_text": " D\n",
            "psa_ticket": {"system": "connectwise", "ticket_id": "48213"},
            "reason": "The customer waits.",
            "facts": [],
            "checks_and_scripts": [],
            "fixes": [],
        }

    def test_the_language_where_it_is_not_english(self) -> None:
        english, german = build.bundle(build.opened()), build.bundle(build.opened(), language=GERMAN)
        assert "language" not in document(english)
        assert document(german) == document(english) | {"language": "de"}
        assert german.sha256 != english.sha256
        assert (english.language, german.language) == (ENGLISH, GERMAN)

    def test_the_digest_of_an_english_bundle_is_that_of_earlier_releases(self) -> None:
        """Ledger, cache and proofs of earlier packages go by it."""
        assert build.bundle(*answers.events(), reason=answers.REASON).sha256 == DIGEST

    def test_blank_texts_are_missing_ones(self) -> None:
        bundle = build.bundle(build.opened(title=" ", problem_summary="\n", intake_text=""), reason="\t")
        assert bundle == build.bundle(build.opened(title=None))
        assert bundle.records.shown_title == "(untitled)"
        assert not bundle.records.is_described

    @pytest.mark.parametrize("name", ["title", "problem_summary", "problem_domain", "intake_text"])
    def test_one_text_describes_a_session(self, name: str) -> None:
        fields: dict[str, Any] = {name: "Something."}
        assert build.bundle(build.described(**fields)).records.is_described

    def test_a_fact_or_a_reason_describes_it_too(self) -> None:
        assert build.bundle(build.fact()).records.is_described
        assert build.bundle(build.closed(), reason="It hurts.").records.is_described
        assert not build.bundle(build.fix(), build.script()).records.is_described

    def test_live_facts_oldest_first(self) -> None:
        bundle = build.bundle(
            build.fact("One.", fact_id="a", source_summary="log"),
            build.fact("Two.", fact_id="b"),
            build.check("Three.", fact_id="c"),
            build.retracted(fact_id="b"),
        )
        assert bundle.records.facts == (
            FactRecord(
                id="F1",
                text="One.",
                source_type="engineer_observation",
                source_summary="log",
                recorded_at=build.minute(1),
            ),
            FactRecord(id="F2", text="Three.", source_type="diagnostic_check", recorded_at=build.minute(3)),
        )

    def test_checks_and_scripts_oldest_first(self) -> None:
        bundle = build.bundle(
            build.script("First", generation_id="a"),
            build.check("Second.", fact_id="b"),
            build.fact("Not a check."),
            build.script(None, generation_id="c", parameters={"b": 1, "a": [PASSWORD]}),
        )
        assert [step.id for step in bundle.records.steps] == ["S1", "F1", "S2"]
        first, last = bundle.records.scripts
        assert (first.name, first.slug) == ("First", "reset-mail-profile")
        assert (last.name, last.slug) == ("(unknown template)", None)
        assert [(each.name, each.text) for each in last.parameters] == [
            ("a", '["[REDACTED:password#1]"]'),
            ("b", "1"),
        ]

    def test_what_is_recorded_again_stays_in_its_place(self) -> None:
        bundle = build.bundle(
            build.script(generation_id="a"),
            build.check(fact_id="b"),
            build.script(generation_id="c"),
            build.check("Again.", fact_id="b"),
            build.script("Again", generation_id="a"),
        )
        assert [step.id for step in bundle.records.steps] == ["S1", "F1", "S2"]
        assert bundle.records.facts[0].text == "Again."
        assert bundle.records.scripts[0].name == "Again"

    def test_the_rows_of_a_snapshot_are_merged_by_time(self) -> None:
        bundle = build.bundle(
            build.snapshot(
                facts=[
                    {"fact_id": "a", "text": "1", "source_type": "diagnostic_check"},
                    {"fact_id": "b", "text": "3", "source_type": "diagnostic_check", "recorded_at": build_time(3)},
                    {"fact_id": "c", "text": "6", "source_type": "diagnostic_check", "recorded_at": build_time(1)},
                ],
                scripts=[
                    _script_row("2", build_time(2)),
                    _script_row("4", build_time(4)),
                    _script_row("5", build_time(1)),
                ],
            )
        )
        names = [step.name if isinstance(step, ScriptRecord) else step.text for step in bundle.records.steps]
        assert [name for name in names if name in "136"] == ["1", "3", "6"]
        assert [name for name in names if name in "245"] == ["2", "4", "5"]
        assert names[:3] == ["1", "2", "3"]

    def test_the_active_fix_with_everything_it_has(self) -> None:
        bundle = build.bundle(
            build.fix(), build.outcome("applied_failed", failure_reason="Still asks.", partial_notes="On one PC.")
        )
        assert bundle.records.fixes == (
            FixRecord(
                id="X1",
                active=True,
                title="Recreate the mail profile",
                description="The profile still points to the old tenant.",
                confidence_pct=70,
                status=bundle.records.fixes[0].status,
                applied_at=build.minute(2),
                verified_at=build.minute(2),
                failure_reason="Still asks.",
                partial_notes="On one PC.",
            ),
        )
        assert bundle.records.active_fix == bundle.records.fixes[0]

    def test_other_fixes_only_where_they_were_applied(self) -> None:
        bundle = build.bundle(
            build.fix("Proposed", fix_id="a"),
            build.fix("Dismissed", fix_id="b"),
            build.outcome("dismissed", fix_id="b"),
            build.fix("Applied", fix_id="c"),
            build.outcome("applied_partial", fix_id="c", partial_notes="Half."),
            build.fix("Superseded", fix_id="d"),
            build.outcome("applied_success", fix_id="d"),
            build.superseded(fix_id="d"),
            build.fix("Active", fix_id="e"),
        )
        assert [(fix.id, fix.title, fix.active, fix.superseded) for fix in bundle.records.fixes] == [
            ("X1", "Applied", False, False),
            ("X2", "Superseded", False, True),
            ("X3", "Active", True, False),
        ]
        assert [fix.title for fix in bundle.records.applied_fixes] == ["Applied", "Superseded"]
        assert all(fix.description for fix in bundle.records.fixes), "what failed is not to be repeated in other words"

    def test_a_dismissed_active_fix_is_told(self) -> None:
        fix = build.bundle(build.fix(), build.outcome("applied_pending"), build.outcome("dismissed")).records.fixes[0]
        assert fix.active
        assert fix.applied_at is None

    def test_a_text_of_an_earlier_status_is_set_apart(self) -> None:
        fix = build.bundle(
            build.fix(), build.outcome("applied_pending", pending_reason="Monday"), build.outcome("applied_success")
        ).records.fixes[0]
        assert fix.pending_reason is None
        assert fix.earlier_texts == ((OutcomeText.PENDING_REASON, "Monday"),)
        assert fix.document()["earlier_pending_reason"] == "Monday"

    def test_the_ids_of_other_systems_stay_outside(self) -> None:
        bundle = build.bundle(
            build.fact(fact_id="UPSTREAM-1"),
            build.script(generation_id="UPSTREAM-2"),
            build.fix(fix_id="UPSTREAM-3"),
            build.outcome("applied_failed", fix_id="UPSTREAM-3"),
        )
        assert b"UPSTREAM" not in bundle.canonical
        assert b"session-1" not in bundle.canonical
        assert bundle.records.ids() == {"F1", "S1", "X1"}

    def test_what_it_was_built_from(self) -> None:
        bundle = build.bundle_of([build.opened(version=3), build.unknown(version=9)])
        assert (bundle.state_version, bundle.event_count) == (9, 2)

    def test_a_session_nobody_has_heard_of_has_none(self) -> None:
        with pytest.raises(ValueError, match="no bundle"):
            bundles.build(Session(key=build.KEY))

    def test_an_erased_session_tells_nothing_but_its_ticket(self) -> None:
        bundle = build.bundle(build.opened(psa_ticket=build.TICKET, intake_text="Gone."), build.fact(), build.erased())
        assert bundle.records.facts == ()
        assert b"Gone." not in bundle.canonical


class TestSecrets:
    def test_are_numbered_by_kind_in_the_order_of_description_then_versions(self) -> None:
        bundle = build.bundle(
            build.fact(f"Tried {OTHER_PASSWORD}."),
            build.script(parameters={"Password": PASSWORD, "Token": TOKEN}),
            build.opened(title=f"Login with {PASSWORD} fails"),
            reason=f"Neither {OTHER_PASSWORD} nor {PASSWORD} works",
        )
        assert bundle.records.title == "Login with [REDACTED:password#1] fails"
        assert bundle.records.facts[0].text == "Tried [REDACTED:password#2]."
        assert [each.text for each in bundle.records.scripts[0].parameters] == [
            "[REDACTED:password#1]",
            "[REDACTED:token#1]",
        ]
        assert bundle.records.reason == "Neither [REDACTED:password#2] nor [REDACTED:password#1] works"
        assert bundle.redactions == 3

    def test_records_count_in_the_order_of_versions_whatever_they_are(self) -> None:
        bundle = build.bundle(
            build.script(parameters={"P": PASSWORD}),
            build.fact(f"It is {OTHER_PASSWORD}."),
        )
        assert bundle.records.scripts[0].parameters[0].text == "[REDACTED:password#1]"
        assert bundle.records.facts[0].text == "It is [REDACTED:password#2]."

    def test_one_secret_has_one_name_under_every_finder(self) -> None:
        bundle = build.bundle(build.fact(f"It is {SAME_PASSWORD_SWEPT}."), build.script(parameters={"P": PASSWORD}))
        assert bundle.records.facts[0].text == "It is [REDACTED:password#1]."
        assert bundle.redactions == 1

    def test_a_secret_of_the_reason_alone_is_numbered_last(self) -> None:
        bundle = build.bundle(build.fact(PASSWORD), reason=f"{OTHER_PASSWORD} is wrong")
        assert bundle.records.reason == "[REDACTED:password#2] is wrong"
        assert bundle.redactions == 2

    def test_what_is_not_told_is_not_counted(self) -> None:
        assert build.bundle(build.fact(PASSWORD), build.retracted()).redactions == 0

    def test_stand_in_every_text_of_every_record(self) -> None:
        bundle = build.bundle(
            build.opened(title=PASSWORD, problem_summary=PASSWORD, problem_domain=PASSWORD, intake_text=PASSWORD),
            build.fact(PASSWORD, source_type=PASSWORD, source_summary=PASSWORD),
            build.script(PASSWORD, slug=PASSWORD, parameters={PASSWORD: {PASSWORD: [PASSWORD, {"x": PASSWORD}]}}),
            build.fix(PASSWORD, description=PASSWORD),
            build.outcome("applied_success", pending_reason=PASSWORD, partial_notes=PASSWORD, failure_reason=PASSWORD),
            reason=PASSWORD,
        )
        assert b"00112233445566aa" not in bundle.canonical
        assert bundle.canonical.count(b"[REDACTED:password#1]") == 19


OUTCOMES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("applied_failed", {}, {"failure_reason": "Still asks."}),
    ("applied_failed", {"failure_reason": "Still asks."}, {"failure_reason": "Asks again."}),
    ("applied_partial", {"partial_notes": "2 of 3."}, {"partial_notes": "3 of 4."}),
    ("applied_pending", {"pending_reason": "Monday"}, {"pending_reason": "Tuesday"}),
    ("applied_success", {}, {"applied_at": "2026-01-01T00:00:00Z"}),
    ("applied_success", {}, {"verified_at": "2026-01-01T00:00:00Z"}),
    ("applied_success", {}, {"partial_notes": "All but the kiosk."}),
    ("applied_partial", {}, {"failure_reason": "The kiosk was off."}),
    ("dismissed", {}, {"partial_notes": "Not with this vendor."}),
]


class TestTheDigest:
    @given(histories.histories(), st.data())
    @pytest.mark.promise(2)
    def test_is_that_of_the_set_of_events(self, events: list[SessionEvent], data: st.DataObject) -> None:
        repeated = data.draw(st.lists(st.sampled_from(events), max_size=3))
        shuffled = data.draw(st.permutations([*events, *repeated]))
        assert build.bundle_of(shuffled).sha256 == build.bundle_of(events).sha256

    @given(histories.histories(), st.data())
    def test_closing_and_reopening_alone_do_not_change_it(
        self, events: list[SessionEvent], data: st.DataObject
    ) -> None:
        spaced = [event._replace(version=3 * event.version) for event in events]
        version = 3 * data.draw(st.sampled_from(events)).version + data.draw(st.integers(1, 2))
        moved = data.draw(
            st.sampled_from([build.closed(resolution="Done."), build.reopened(), build.unknown()]),
        )
        with_it = build.bundle_of([*spaced, moved._replace(version=version, event_id="moved")])
        assert with_it.sha256 == build.bundle_of(spaced).sha256

    @pytest.mark.parametrize(("status", "before", "after"), OUTCOMES)
    @pytest.mark.parametrize("applied_before", [False, True])
    def test_changes_with_each_field_of_an_outcome_alone(
        self, status: str, before: dict[str, Any], after: dict[str, Any], applied_before: bool
    ) -> None:
        history = [build.fix(), *([build.outcome("applied_partial")] if applied_before else [])]
        digests = {build.bundle(*history, build.outcome(status, **fields)).sha256 for fields in (before, after)}
        assert len(digests) == 2

    def test_changes_with_the_status_alone(self) -> None:
        statuses = ["applied_success", "applied_failed", "applied_partial", "applied_pending", "dismissed"]
        times: dict[str, Any] = {
            "applied_at": "2026-01-01T00:00:00Z",
            "verified_at": "2026-01-01T00:00:00Z",
            "pending_reason": "X",
        }
        histories_ = [[build.fix()], *([build.fix(), build.outcome(status, **times)] for status in statuses)]
        assert len({build.bundle(*history).sha256 for history in histories_}) == 6

    def test_changes_with_what_supersedes(self) -> None:
        history = [build.fix(), build.outcome("applied_failed"), build.fix(fix_id="active")]
        assert build.bundle(*history).sha256 != build.bundle(*history, build.superseded()).sha256

    def test_changes_with_the_ticket_and_with_the_reason(self) -> None:
        bundles_ = [
            build.bundle(build.opened()),
            build.bundle(build.opened(psa_ticket=build.TICKET)),
            build.bundle(build.opened(psa_ticket=build.TICKET | {"ticket_id": 2})),
            build.bundle(build.opened(), reason="It is urgent."),
        ]
        assert len({bundle.sha256 for bundle in bundles_}) == 4

    def test_does_not_depend_on_the_order_of_parameters(self) -> None:
        bundle = build.bundle(build.script(parameters={"a": {"x": 1, "y": 2}, "b": 2}))
        reordered = build.bundle(build.script(parameters={"b": 2, "a": {"y": 2, "x": 1}}))
        assert bundle.sha256 == reordered.sha256

    def test_does_not_depend_on_what_leaves_no_trace(self) -> None:
        at = build.minute(9)
        plain = build.in_order(build.opened(), build.fact(fact_id="a"))
        detour = build.in_order(
            build.opened(),
            build.fact("Wrong.", fact_id="b"),
            build.retracted(fact_id="b"),
            build.fact(fact_id="c"),
            build.outcome("applied_failed", fix_id="nobody"),
        )
        digests = {
            build.bundle_of(event._replace(occurred_at=at) for event in events).sha256 for events in (plain, detour)
        }
        assert len(digests) == 1

    def test_depends_on_when_a_fact_was_first_recorded_so(self) -> None:
        opened, first, again, other = build.in_order(
            build.opened(), build.fact("Up."), build.fact("Up."), build.fact("Down.")
        )
        once = build.bundle_of([opened, first]).sha256
        assert build.bundle_of([opened, first, again]).sha256 == once
        assert build.bundle_of([opened, again]).sha256 != once
        back = other._replace(version=9, event_id="back", data=first.data)
        assert build.bundle_of([opened, first, other, back]).records.facts[0].recorded_at == other.occurred_at

    def test_is_that_of_an_earlier_release_where_events_are_in_utc(self) -> None:
        events = build.in_order(build.opened(), build.fact("Up."), build.fact("Down.", fact_id="2"))
        local = [event._replace(occurred_at=event.occurred_at.astimezone(LOCAL)) for event in events]
        assert b'"recorded_at":"2026-03-02T09:02:00Z"' in build.bundle_of(events).canonical
        assert b'"recorded_at":"2026-03-02T11:02:00+02:00"' in build.bundle_of(local).canonical

    def test_times_are_in_the_local_time_of_the_first_event_that_has_one(self) -> None:
        events = build.in_order(build.opened(), build.fact("Up.", fact_id="1"), build.fact("Down.", fact_id="2"))
        later = events[2]._replace(occurred_at=events[2].occurred_at.astimezone(LOCAL))
        elsewhere = build.fact("Slow.", fact_id="3", version=9)
        elsewhere = elsewhere._replace(occurred_at=elsewhere.occurred_at.astimezone(timezone(timedelta(hours=-7))))
        facts = build.bundle_of([*events[:2], later, elsewhere]).records.facts
        assert {fact.recorded_at.utcoffset() for fact in facts if fact.recorded_at} == {timedelta(hours=2)}
        assert [fact.recorded_at for fact in facts] == [event.occurred_at for event in (events[1], later, elsewhere)]

    def test_is_of_the_canonical_bytes_of_the_full_records(self) -> None:
        bundle = build.bundle(*(build.fact("x" * 3_900, fact_id=f"f{number}") for number in range(40)))
        assert bundle.truncated
        assert bundle.canonical.decode() == compact(records_document(bundle.records))
        assert len(document(bundle)["facts"]) == 40

    def test_stays_what_it_is(self) -> None:
        """A change of the canonical form costs every draft again, so it must be deliberate."""
        bundle = build.bundle(
            build.opened(psa_ticket=build.TICKET),
            build.check(source_summary="Resolve-DnsName"),
            build.script(parameters={"Path": "C:\\Temp", "Retries": 3}),
            build.fix(),
            build.outcome("applied_pending"),
            reason="Handing over.",
        )
        assert bundle.sha256 == "29780d1f09964b5adaba9853859db10146b23c1eb0cbd40775c6f745572e7ea0"


def test_a_bundle_is_shown_by_its_digest_alone() -> None:
    bundle = build.bundle(build.opened(title="Confidential"))
    assert "Confidential" not in repr(bundle)
    assert bundle.sha256[:12] in repr(bundle)


def test_the_full_records_of_a_bundle_are_records() -> None:
    bundle = build.bundle(build.opened(), build.fact())
    assert isinstance(bundle.records, Records)
    assert bundle.records == bundle.excerpt


def test_the_document_is_in_reading_order() -> None:
    document: dict[str, JsonValue] = records_document(build.bundle(build.opened(intake_text="X"), build.fact()).records)
    assert list(document) == ["title", "intake_text", "facts", "checks_and_scripts", "fixes"]


def test_equal_states_of_different_versions_have_one_digest() -> None:
    events = build.in_order(build.opened(), build.fact())
    later = [event._replace(version=event.version + 10) for event in events]
    assert bundles.build(fold(build.KEY, events)).sha256 == bundles.build(fold(build.KEY, later)).sha256


def build_time(hour: int) -> str:
    return f"2026-03-02T{hour:02}:00:00Z"


def _script_row(name: str, at: str) -> dict[str, Any]:
    return {"generation_id": name, "template": {"name": name}, "parameters_used": {}, "generated_at": at}
