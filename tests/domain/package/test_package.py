"""Published events: their ids never change, they hold every contract field, and headers match the value."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from consumer.domain.events import RequestKey, TraceContext
from consumer.domain.language.de import GERMAN
from consumer.domain.package import package, redaction
from consumer.domain.redaction import FoundSecret, SecretKind
from consumer.domain.rendering.markdown import Rendered, ShownLine
from consumer.domain.request.work import TenantPolicy
from consumer.domain.review import gate
from schemas.packages import (
    PACKAGE_TYPES,
    Cause,
    FailureReason,
    PackageReady,
    PackageStatus,
    Provenance,
    RecordReference,
    ReferenceKind,
    Section,
    SectionKey,
    SectionLine,
    TicketReference,
    Usage,
    WithdrawalReason,
)
from schemas.topics import Topics
from tests.domain import german
from tests.support.wire import REDACTOR

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SENDER = package.Sender(topics=Topics("blue."), source="/escalation-consumer")
TICKET = TicketReference(system="connectwise", ticket_id="4711", connection_id="c1", record_type=None)
OTHER_TICKET = TicketReference(system="halopsa", ticket_id="9", connection_id=None, record_type=None)
KEY = RequestKey("acme", "s-1", "r-1")
RENDERED = Rendered(
    language="en",
    title="Mail",
    markdown="## Problem\n\nMail was late — überall.\n",
    plain_text="Problem",
    html="<h2>Problem</h2>",
    sections=tuple(Section(key=key, heading=key.value, markdown="x") for key in SectionKey),
    lines={key: (ShownLine("x", ("F1", "F9")),) for key in SectionKey},
    truncated=False,
)
PROVENANCE = Provenance(
    bundle_sha256="a" * 64, event_count=3, prompt_version="p1", model=None, drafted_at=AT, attempts=0, usage=Usage()
)

ids = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)


def note(key: RequestKey = KEY, ticket: TicketReference | None = TICKET, trace: bool = False) -> package.Note:
    context = TraceContext(traceparent="00-aa-bb-01", tracestate="k=v") if trace else TraceContext()
    return package.Note(key=key, requested_state_version=7, ticket=ticket, trace=context)


def make(
    number: int = 1,
    *,
    cause: Cause = Cause.REQUEST,
    replay_id: str | None = None,
    previous_ticket: TicketReference | None = None,
    of: package.Note | None = None,
    references: Mapping[str, RecordReference] | None = None,
    warnings: tuple[str, ...] = (),
) -> package.Package:
    of = of or note()
    revision = package.Revision(
        number=number,
        cause=cause,
        replay_id=replay_id,
        supersedes=package.package_id(of.note_key, number - 1) if number > 1 else None,
        previous_ticket=previous_ticket,
        state_version=9,
    )
    return package.ready(
        SENDER,
        of,
        revision,
        RENDERED,
        references=references or {},
        status=PackageStatus.READY,
        from_cache=False,
        provenance=PROVENANCE,
        redactions=1,
        warnings=warnings,
        policy=TenantPolicy(),
        at=AT,
    )


def headers(publication: package.Publication) -> dict[str, str]:
    return dict(publication.headers)


def test_the_note_key_encodes_each_part_so_that_no_two_requests_share_one() -> None:
    assert package.note_key(RequestKey("a/b", "c d", "e%ü")) == "a%2Fb/c%20d/e%25%C3%BC"


@given(st.tuples(ids, ids, ids), st.tuples(ids, ids, ids))
def test_two_requests_never_share_a_note_key(left: tuple[str, str, str], right: tuple[str, str, str]) -> None:
    same = package.note_key(RequestKey(*left)) == package.note_key(RequestKey(*right))
    assert same == (left == right)


def test_ids_are_those_of_the_contract() -> None:
    assert package.package_id("a/b/c", 2) == uuid5(NAMESPACE_URL, "escalation-package/a/b/c/2")
    gone = package.withdrawn(SENDER, note(), reason=WithdrawalReason.CANCELLED, revision=None, at=AT)
    assert headers(gone)["event_id"] == str(uuid5(NAMESPACE_URL, "escalation-package/acme/s-1/r-1/withdrawn"))
    failed = package.failed(SENDER, note(), reason=FailureReason.SESSION_NOT_FOUND, detail="none", at=AT)
    assert headers(failed)["event_id"] == str(uuid5(NAMESPACE_URL, "escalation-package/acme/s-1/r-1/failed"))


def test_publishing_again_is_the_same_bytes() -> None:
    assert make().publication == make().publication


def test_the_markers_middle_is_equal_across_the_revisions_of_a_note() -> None:
    first, second = (make(number).ready.marker for number in (1, 2))
    assert re.fullmatch(r"\[handoff [0-9a-f]{6,12} r1\]", first)
    assert first.replace(" r1]", " r2]") == second
    assert make(of=note(RequestKey("acme", "s-1", "r-2"))).ready.marker != first


@pytest.mark.parametrize("system", ["connectwise", "ConnectWise", "ConnectWise PSA", "connectwise_manage"])
def test_connectwise_tickets_are_written_as_people_write_them(system: str) -> None:
    ticket = TicketReference(system=system, ticket_id="12", connection_id=None, record_type=None)
    assert package.target_ticket_ref(ticket) == "CW #12"


def test_other_tickets_name_their_system_and_none_is_null() -> None:
    assert package.target_ticket_ref(OTHER_TICKET) == "halopsa #9"
    assert package.target_ticket_ref(None) is None


def test_the_envelope_is_structured_and_its_headers_repeat_it() -> None:
    publication = make(2, cause=Cause.STATE_CHANGED, of=note(trace=True)).publication
    event = json.loads(publication.value)
    header = headers(publication)
    assert publication.topic == "blue.escalation-package-ready"
    assert publication.key == b"s-1"
    assert header["content-type"] == "application/cloudevents+json"
    assert (header["event_id"], header["event_type"]) == (event["id"], event["type"])
    assert (header["tenant_id"], header["session_id"]) == (event["tenantid"], event["subject"])
    assert not any(name.startswith("ce_") for name in header)  # or readers would take it for binary mode
    assert event["type"] == "escalation.package_ready.v1"
    assert (event["tenantid"], event["time"]) == ("acme", "2026-03-04T05:06:07Z")
    assert {name: header[name] for name in ("note_key", "revision", "status", "cause")} == {
        "note_key": "acme/s-1/r-1",
        "revision": "2",
        "status": "ready",
        "cause": "state_changed",
    }
    assert (header["traceparent"], header["tracestate"]) == ("00-aa-bb-01", "k=v")
    assert event["id"] == event["data"]["package_id"] == str(package.package_id("acme/s-1/r-1", 2))


def test_the_value_is_raw_utf_8_and_its_digest_is_that_of_the_markdown() -> None:
    publication = make().publication
    assert "überall".encode() in publication.value
    data = json.loads(publication.value)["data"]
    assert data["content_sha256"] == sha256(RENDERED.markdown.encode()).hexdigest()


def test_every_event_holds_every_field_of_its_schema_and_nothing_else() -> None:
    events = [
        make().publication,
        package.withdrawn(SENDER, note(), reason=WithdrawalReason.CANCELLED, revision=3, at=AT),
        package.failed(SENDER, note(ticket=None), reason=FailureReason.UNPROCESSABLE, detail="why", at=AT),
    ]
    for publication in events:
        event = json.loads(publication.value)
        schema = PACKAGE_TYPES[event["type"]].model_json_schema(mode="serialization")
        Draft202012Validator(schema).validate(event["data"])
        assert event["data"].keys() == PACKAGE_TYPES[event["type"]].model_fields.keys()


def test_a_withdrawal_names_the_last_package_and_without_one_nothing() -> None:
    after = package.withdrawn(SENDER, note(), reason=WithdrawalReason.CANCELLED, revision=2, at=AT)
    data = json.loads(after.value)["data"]
    assert (data["revision"], UUID(data["supersedes"])) == (2, package.package_id("acme/s-1/r-1", 2))
    assert data["marker"].endswith(" r2]")
    assert headers(after)["revision"] == "2"
    before = package.withdrawn(SENDER, note(), reason=WithdrawalReason.CANCELLED, revision=None, at=AT)
    data = json.loads(before.value)["data"]
    assert (data["revision"], data["supersedes"]) == (None, None)
    assert data["marker"].endswith(" r0]")
    assert "revision" not in headers(before)
    assert before.topic == "blue.escalation-package-ready"


def test_a_failure_goes_to_its_own_topic() -> None:
    failed = package.failed(SENDER, note(), reason=FailureReason.SESSION_NOT_FOUND, detail="none", at=AT)
    assert failed.topic == "blue.escalation-package-failed"
    assert json.loads(failed.value)["data"]["marker"].endswith(" r0]")


def test_the_previous_ticket_is_named_where_it_was_another_one() -> None:
    assert make(2, previous_ticket=OTHER_TICKET).ready.previous_psa_ticket == OTHER_TICKET
    assert make(2, previous_ticket=TICKET).ready.previous_psa_ticket is None
    assert make(1, previous_ticket=None).ready.previous_psa_ticket is None


def test_a_replay_is_named_with_cause_replay_only() -> None:
    assert make(2, cause=Cause.REPLAY, replay_id="x").ready.replay_id == "x"
    assert make(1, cause=Cause.REQUEST, replay_id="x").ready.replay_id is None


def test_a_warning_is_said_once() -> None:
    assert make(warnings=("repaired", "repaired", "truncated_input")).ready.warnings == ("repaired", "truncated_input")


def test_what_was_published_can_be_read_back() -> None:
    made = make()
    assert PackageReady.model_validate_json(made.ready.model_dump_json()) == made.ready


def test_what_a_line_rests_on_stands_by_the_producers_ids_and_what_is_unknown_is_left_out() -> None:
    known = RecordReference(kind=ReferenceKind.FACT, id="fact-7", state_version=4, event_id="e-4")
    made = make(references={"F1": known}).ready
    assert [line.records for section in made.sections for line in section.lines] == [(known,)] * 5


def test_a_later_redaction_leaves_no_spelling_of_the_value_in_any_form() -> None:
    secret = "a<b&c>'d'\"99"
    lines = (SectionLine(text=f"It says {secret}.", records=()),)
    sections = [
        Section(key=key, heading=key.value, markdown=f"- It says {secret}.", lines=lines).model_dump(mode="json")
        for key in SectionKey
    ]
    html = "<h2>problem</h2>\n<ul>\n<li>It says a&lt;b&amp;c&gt;'d'\"99.</li>\n</ul>"
    package_text = json.dumps(
        {"markdown": f"- It says {secret}.", "content_sha256": "0", "html": html, "sections": sections}
    )
    hidden = FoundSecret(kind=SecretKind.PASSWORD, identity="0" * 16, values=(secret,))
    sweeper = REDACTOR.scope(*KEY.session).learn({}, {hidden.identity: hidden}).arriving
    swept = json.loads(redaction.published(sweeper, package_text))
    assert "99" not in json.dumps(swept)
    assert swept["html"].startswith("<h2>problem</h2>\n<ul>\n<li>It says")


def test_the_language_is_that_of_the_text() -> None:
    assert make().ready.language == "en"
    bundle = german.session()
    rendered = gate.by_rules(bundle).rendered
    made = package.ready(
        SENDER,
        note(),
        package.Revision(
            number=1, cause=Cause.REQUEST, replay_id=None, supersedes=None, previous_ticket=None, state_version=2
        ),
        rendered,
        references={},
        status=PackageStatus.FALLBACK,
        from_cache=False,
        provenance=PROVENANCE,
        redactions=0,
        warnings=(),
        policy=TenantPolicy(),
        at=AT,
    ).ready
    assert made.language == "de"
    assert [section.heading for section in made.sections] == list(GERMAN.headings.values())
    assert [section.key for section in made.sections] == list(SectionKey)
    assert made.title == "Übergabe: Outlook asks for a password in accounting"
    assert "<h2>Was bestätigt ist</h2>" in made.html
