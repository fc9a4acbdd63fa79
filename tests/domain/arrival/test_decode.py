import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from consumer.domain.arrival import deadletters, limits, stored
from consumer.domain.arrival.decode import decode
from consumer.domain.arrival.envelope import check_attributes
from consumer.domain.arrival.limits import Unacceptable
from consumer.domain.arrival.stored import event_of
from consumer.domain.events import Cancellation, Decoded, Ignored, Refusal, Request, SessionChange, SessionEvent
from schemas.dead_letters import EXCERPT_BYTES, RefusalReason
from schemas.envelope import Envelope
from schemas.sessions import FactRecorded, ScriptGenerated, SessionOpened
from schemas.topics import REQUESTS, SESSIONS
from tests.support.wire import FACT, REDACTOR, TOPICS, arrive, cancellation, change, event, record, request

BINARY = {
    "ce_specversion": b"1.0",
    "ce_id": b"e1",
    "ce_source": b"/upstream",
    "ce_type": b"session.fact_recorded.v1",
    "ce_subject": b"s1",
    "ce_time": b"2026-03-02T09:00:00Z",
    "ce_stateversion": b"7",
    "content-type": b"application/json",
}
SECRET = "Hunter-77-blue!"
SCRIPT = {
    "generation_id": "g1",
    "template": {
        "name": "Map drive",
        "parameters_schema": {
            "parameters": [{"key": "account", "field_type": "text"}, {"key": "pass", "field_type": "password"}]
        },
    },
    "parameters_used": {"account": "svc-map", "pass": SECRET},
}


def accepted(decoded: Decoded) -> SessionEvent:
    assert isinstance(decoded.arrival, SessionChange), decoded.arrival
    return stored.event_of(decoded.arrival)


def asked(decoded: Decoded) -> Request:
    assert isinstance(decoded.arrival, Request), decoded.arrival
    return decoded.arrival


def refused(decoded: Decoded) -> Refusal:
    assert isinstance(decoded.arrival, Refusal), decoded.arrival
    return decoded.arrival


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


class TestModes:
    def test_structured_event(self) -> None:
        event = accepted(arrive(change(version=3, tenantid="acme", actor="user:7")))
        assert event.key == ("acme", "s1")
        assert (event.version, event.event_id, event.actor) == (3, "e3", "user:7")
        assert event.occurred_at.isoformat() == "2026-03-02T09:00:00+00:00"
        assert event.data == FactRecorded.model_validate(FACT)

    @pytest.mark.parametrize(
        "content_type",
        [b"application/cloudevents+json", b"Application/CloudEvents+JSON; charset=utf-8", b"text/plain", None],
    )
    def test_without_ce_type_any_content_type_is_structured(self, content_type: bytes | None) -> None:
        headers = {} if content_type is None else {"content-type": content_type}
        assert accepted(arrive(change(), headers=headers)).version == 1

    def test_binary_event(self) -> None:
        assert accepted(arrive(FACT, headers=BINARY)).version == 7

    def test_header_names_in_any_case(self) -> None:
        assert accepted(arrive(FACT, headers={name.upper(): value for name, value in BINARY.items()})).version == 7

    def test_structured_content_type_wins_over_copied_headers(self) -> None:
        headers = BINARY | {"content-type": b"application/cloudevents+json; charset=UTF-8"}
        assert accepted(arrive(change(version=2), headers=headers)).version == 2

    def test_copied_headers_without_content_type_are_told_by_the_value(self) -> None:
        headers = {name: value for name, value in BINARY.items() if name != "content-type"}
        assert accepted(arrive(change(version=2), headers=headers)).version == 2
        assert accepted(arrive(FACT, headers=headers)).version == 7

    @pytest.mark.parametrize(
        "text", [b"-1", b"1.0", b" 1", b"", b"\xff", b"99999999999999999999", b"9223372036854775808"]
    )
    def test_binary_version_is_decimal_text(self, text: bytes) -> None:
        refusal = refused(arrive(FACT, headers=BINARY | {"ce_stateversion": text}))
        assert refusal.reason is RefusalReason.INVALID
        assert "stateversion" in refusal.error

    def test_largest_version(self) -> None:
        assert accepted(arrive(FACT, headers=BINARY | {"ce_stateversion": b"9223372036854775807"})).version == 2**63 - 1
        assert accepted(arrive(change(version=2**63 - 1))).version == 2**63 - 1
        assert "stateversion" in refused(arrive(change(version=2**63))).error

    @pytest.mark.parametrize("version", ["1", 1.0, True, -1, None, ...])
    def test_structured_version_is_an_integer(self, version: Any) -> None:
        assert "stateversion" in refused(arrive(change(version=version))).error

    @pytest.mark.parametrize(
        "media_type", ["application/json", "text/json; charset=utf-8", "application/vnd.x+json", None, ...]
    )
    def test_json_media_types(self, media_type: Any) -> None:
        assert accepted(arrive(change(datacontenttype=media_type))).version == 1

    def test_other_media_types_are_refused_in_both_modes(self) -> None:
        assert "datacontenttype" in refused(arrive(change(datacontenttype="text/xml"))).error
        assert "datacontenttype" in refused(arrive(FACT, headers=BINARY | {"content-type": b"text/xml"})).error


class TestAttributes:
    def test_tenant_defaults(self) -> None:
        assert accepted(arrive(change())).key.tenant_id == "default"
        assert accepted(arrive(change(tenantid=None))).key.tenant_id == "default"

    def test_key_other_than_subject_is_taken_by_subject(self) -> None:
        assert accepted(arrive(change(), key=b"other")).key.session_id == "s1"
        assert accepted(arrive(change(), key=None)).key.session_id == "s1"

    def test_null_attribute_is_absent(self) -> None:
        event = accepted(arrive(change(actor=None, datacontenttype=None, replayid=None, unknown=None)))
        assert event.actor is None

    @pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "subject", "time", "stateversion"])
    @pytest.mark.parametrize("value", [..., None, [], "", 1.5])
    def test_required_attribute_is_named(self, attribute: str, value: Any) -> None:
        refusal = refused(arrive(change(**{attribute: value}), topic=SESSIONS))
        assert refusal.reason is RefusalReason.INVALID
        assert attribute in refusal.error

    @pytest.mark.parametrize("attribute", ["id", "type", "subject", "tenantid"])
    @pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b"])
    def test_nul_and_surrogates_are_refused_in_ids(self, attribute: str, bad: str) -> None:
        assert attribute in refused(arrive(change(**{attribute: bad}), topic=SESSIONS)).error

    def test_nul_and_surrogates_are_replaced_in_texts(self) -> None:
        event = accepted(arrive(change(data=FACT | {"text": "a\x00b\ud800c"}, actor="x\x00y\udfff")))
        assert isinstance(event.data, FactRecorded)
        assert event.data.text == "a\ufffdb\ufffdc"
        assert event.actor == "x\ufffdy\ufffd"

    def test_nul_in_the_name_of_a_parameter_is_replaced(self) -> None:
        data = SCRIPT | {"template": None, "parameters_used": {"na\x00me": "va\ud800lue", "n": [{"\x00": "\x00"}]}}
        event = accepted(arrive(change("session.script_generated.v1", data)))
        assert isinstance(event.data, ScriptGenerated)
        assert event.data.parameters_used == {"na\ufffdme": "va\ufffdlue", "n": [{"\ufffd": "\ufffd"}]}

    @pytest.mark.parametrize("blank", ["", " ", "\x1c", "\u2003\t", "\x85\n"])
    def test_blank_ids_and_texts_are_refused(self, blank: str) -> None:
        for name in ("fact_id", "text", "source_type"):
            assert refused(arrive(change(data=FACT | {name: blank}))).error.startswith(f"data.{name}: ")
        for name in ("id", "type", "subject"):
            assert refused(arrive(change(**{name: blank}))).error.startswith(f"{name}: ")

    @pytest.mark.parametrize(
        "ticket", [{"ticket_id": "1\x002"}, {"ticket_id": "1\ud8002"}, {"ticket_id": ""}, {"ticket_id": True}]
    )
    def test_bad_ticket_ids_are_refused(self, ticket: dict[str, Any]) -> None:
        data = {"title": "t", "psa_ticket": {"system": "connectwise"} | ticket}
        assert "data.psa_ticket.ticket_id" in refused(arrive(change("session.opened.v1", data))).error

    def test_a_number_as_ticket_id_is_kept_as_text(self) -> None:
        data = {"psa_ticket": {"system": "connectwise", "ticket_id": 48213.0}}
        event = accepted(arrive(change("session.opened.v1", data)))
        assert isinstance(event.data, SessionOpened)
        assert event.data.psa_ticket is not None
        assert event.data.psa_ticket.ticket_id == "48213"

    def test_required_field_is_named_by_its_path(self) -> None:
        assert refused(arrive(change(data={"text": "t", "source_type": "s"}))).error == "data.fact_id: Field required"

    def test_errors_hold_nothing_of_the_payload(self) -> None:
        data = FACT | {"fact_id": ["Kiwi-1"], "text": {"Kiwi-2": 1}, "source_type": 3.5, "source_summary": ["Kiwi-3"]}
        refusal = refused(arrive(change(data=data, time="Kiwi-4")))
        assert "Kiwi" not in refusal.error
        refusal = refused(arrive(change(data=data)))
        assert "Kiwi" not in refusal.error
        assert "\n" not in refusal.error

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "specversion": st.sampled_from(["1.0", "0.3", 1]),
                "id": st.one_of(st.text(max_size=3), st.sampled_from(["e1", "x" * 257, 5])),
                "source": st.sampled_from(["/a", "", "ü", 3]),
                "type": st.sampled_from(["session.opened.v1", "", " ", "a\x00"]),
                "subject": st.one_of(st.text(max_size=3), st.sampled_from(["s1", "x" * 129])),
                "time": st.sampled_from(["2026-03-02T09:00:00Z", "2026-03-02T09:00:00", "2026-13-02T09:00:00Z", 5]),
                "tenantid": st.sampled_from(["acme", "", "ä", " a", 7]),
                "stateversion": st.sampled_from([0, 2**63, -1, 1.5, True, "1"]),
                "actor": st.sampled_from(["a", "ä", 5]),
            },
        )
    )
    def test_attributes_are_as_the_published_envelope_says(self, given_attributes: dict[str, Any]) -> None:
        attributes = event(data=...) | {"stateversion": 1} | given_attributes
        try:
            wanted = Envelope.model_validate(attributes)
        except ValidationError:
            with pytest.raises(Unacceptable):
                check_attributes(attributes, replayable=False)
            return
        envelope = check_attributes(attributes, replayable=False)
        assert envelope.key == (wanted.tenantid, wanted.subject)
        assert (envelope.id, envelope.type, envelope.time) == (wanted.id, wanted.type, wanted.time)
        assert (envelope.version, envelope.actor) == (wanted.stateversion, wanted.actor)


class TestTypes:
    def test_unknown_type_is_taken_without_data(self) -> None:
        event = accepted(arrive(change("session.rated.v1", {"anything": nested(5)}, version=9)))
        assert (event.type, event.version, event.data) == ("session.rated.v1", 9, None)

    def test_unknown_type_about_requests_is_ignored(self) -> None:
        assert isinstance(arrive(event("escalation.praised.v1", {})).arrival, Ignored)

    @pytest.mark.parametrize(
        ("value", "topic"), [(request(), SESSIONS), (change(), REQUESTS), (change(), REQUESTS + ".replay")]
    )
    def test_type_of_the_other_topic_is_refused(self, value: Any, topic: str) -> None:
        assert refused(arrive(value, topic=topic)).error.startswith("type: ")

    @pytest.mark.parametrize("data", [..., None, {}])
    def test_types_without_data_need_none(self, data: Any) -> None:
        assert accepted(arrive(change("session.erased.v1", data))).type == "session.erased.v1"

    @pytest.mark.parametrize("data", ["text", [], 5])
    def test_data_is_an_object(self, data: Any) -> None:
        assert refused(arrive(change("session.closed.v1", data))).error == "data: must be an object"

    def test_pending_without_reason_is_refused(self) -> None:
        data = {"fix_id": "x", "status": "applied_pending", "pending_reason": " "}
        assert "pending_reason" in refused(arrive(change("session.fix_outcome_recorded.v1", data))).error

    def test_request_with_defaults_and_trace(self) -> None:
        parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        arrival = asked(arrive(request(), headers={"traceparent": parent, "tracestate": b"a=1"}))
        assert (arrival.key, arrival.priority, arrival.force, arrival.deadline_seconds) == (
            ("default", "s1", "r1"),
            3,
            False,
            120,
        )
        assert (arrival.trace.traceparent, arrival.trace.tracestate) == (parent.decode(), "a=1")
        assert arrival.from_replay is False

    @pytest.mark.parametrize("parent", [b"junk", b"\xff\x00", b""])
    def test_broken_trace_is_dropped(self, parent: bytes) -> None:
        assert asked(arrive(request(), headers={"traceparent": parent})).trace.traceparent is None

    def test_cancellation(self) -> None:
        arrival = arrive(cancellation("r9")).arrival
        assert isinstance(arrival, Cancellation)
        assert arrival.key.request_id == "r9"

    def test_replayid_counts_on_the_replay_topic_only(self) -> None:
        value = request(attributes={"replayid": "again-1"})
        assert asked(arrive(value, topic=REQUESTS)).replay_id is None
        replayed = asked(arrive(value, topic=REQUESTS + ".replay"))
        assert (replayed.replay_id, replayed.from_replay) == ("again-1", True)
        assert asked(arrive(request(attributes={"replayid": 5}), topic=REQUESTS)).replay_id is None
        assert "replayid" in refused(arrive(request(attributes={"replayid": 5}), topic=REQUESTS + ".replay")).error


class TestPoison:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            b"",
            b" ",
            b"{",
            b"nonsense",
            b"\xff\xfe{\x00}\x00",
            b'{"a": NaN}',
            b'{"a": Infinity}',
            b'"\xed\xa0\x80"',
            b"\x00",
            b'{"a": 1} trailing',
        ],
    )
    def test_undecodable(self, value: bytes | None) -> None:
        refusal = refused(arrive(value))
        assert refusal.reason is RefusalReason.UNDECODABLE
        assert refusal.session is None

    @pytest.mark.parametrize("value", [b"[]", b"null", b"5", b'"text"'])
    def test_json_that_is_no_event(self, value: bytes) -> None:
        assert refused(arrive(value)).reason is RefusalReason.INVALID

    def test_byte_order_mark_is_ignored(self) -> None:
        assert accepted(arrive(b"\xef\xbb\xbf" + json.dumps(change()).encode())).version == 1

    def test_the_last_of_duplicate_keys_counts(self) -> None:
        raw = json.dumps(change()).replace('"text": "Ping works."', '"text": "first", "text": "second"')
        event = accepted(arrive(raw.encode()))
        assert isinstance(event.data, FactRecorded)
        assert event.data.text == "second"

    def test_over_a_mebibyte(self) -> None:
        fits = json.dumps(change(data=FACT | {"text": ""})).encode()
        text = "x" * (limits.MAX_BYTES - len(fits))
        assert accepted(arrive(change(data=FACT | {"text": text}))).version == 1
        assert refused(arrive(change(data=FACT | {"text": text + "x"}))).reason is RefusalReason.TOO_LARGE

    @pytest.mark.parametrize("levels", [63, 150, 500, 100_000])
    def test_nesting(self, levels: int) -> None:
        raw = json.dumps(change(data=FACT | {"extra": "HERE"})).replace('"HERE"', "[" * levels + "]" * levels)
        refusal = refused(arrive(raw.encode()))
        assert refusal.reason is RefusalReason.TOO_LARGE

    def test_nesting_at_the_limit(self) -> None:
        assert accepted(arrive(change(data=FACT | {"extra": nested(62)}))).version == 1

    def test_brackets_in_a_text_are_no_nesting(self) -> None:
        assert accepted(arrive(change(data=FACT | {"text": "[" * 200}))).version == 1

    def test_parameters(self) -> None:
        def script(count: int) -> dict[str, Any]:
            return SCRIPT | {"template": None, "parameters_used": {f"p{number}": number for number in range(count)}}

        assert accepted(arrive(change("session.script_generated.v1", script(1000)))).version == 1
        assert refused(arrive(change("session.script_generated.v1", script(1001)))).reason is RefusalReason.TOO_LARGE
        snapshot = {"scripts": [script(600), script(401) | {"generation_id": "g2"}]}
        assert refused(arrive(change("session.snapshot.v1", snapshot))).reason is RefusalReason.TOO_LARGE

    @pytest.mark.parametrize("digits", [30, 308, 309, 4300, 4301, 20_000])
    def test_huge_integers_harm_nobody(self, digits: int) -> None:
        raw = json.dumps(change(data=FACT | {"extra": "HERE"})).replace('"HERE"', "9" * digits)
        decoded = arrive(raw.encode())
        assert isinstance(decoded.arrival, SessionChange) == (digits <= 308)
        raw = json.dumps(change(version=55)).replace("55", "9" * digits)
        assert "integer" in refused(arrive(raw.encode())).error or "stateversion" in refused(arrive(raw.encode())).error

    @pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 309, "-" + "9" * 400])
    @pytest.mark.parametrize(
        ("event", "path"),
        [
            (change("session.script_generated.v1", SCRIPT | {"parameters_used": {"n": 12345}}),
             "data.parameters_used: "),
            (
                change("session.script_generated.v1", SCRIPT | {"parameters_used": {"n": [{"m": [12345]}]}}),
                "data.parameters_used: ",
            ),
            (change("session.snapshot.v1", {"scripts": [SCRIPT | {"parameters_used": {"n": 12345}}]}),
             "data.scripts[0].parameters_used: "),
            (change("session.opened.v1", {"psa_ticket": {"system": "halopsa", "ticket_id": 12345}}),
             "data.psa_ticket.ticket_id: "),
            (change(data=FACT | {"newer": 12345}), "data: "),
            (change(data=FACT, newer={"inner": 12345}), ""),
            (change(version=12345), "stateversion: "),
            (change("session.rated.v1", {"stars": [12345]}), "data: "),
            (request(reason="r", priority=12345), "data.priority: "),
        ],
    )  # fmt: skip
    def test_a_number_beyond_every_double_is_refused_wherever_it_stands(
        self, event: dict[str, Any], path: str, number: str
    ) -> None:
        topic = REQUESTS if str(event["type"]).startswith("escalation") else SESSIONS
        refusal = refused(arrive(json.dumps(event).replace("12345", number).encode(), topic=topic))
        assert refusal.reason is RefusalReason.INVALID
        assert refusal.error == f"{path}must be a number that is finite as a double"

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
    @pytest.mark.parametrize("where", ["fact_id", "newer"])
    def test_words_are_no_numbers(self, number: str, where: str) -> None:
        raw = json.dumps(change(data=FACT | {where: 12345})).replace("12345", number)
        assert refused(arrive(raw.encode())).reason is RefusalReason.UNDECODABLE

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            (42, "42"), (42.0, "42"), (-0.0, "0"), (0.5, "0.5"), (1e22, "1" + "0" * 22), (10**40, "1" + "0" * 40),
            ("42", "42"), (" 42 ", "42"), ("#42", "42"), ("##42", "#42"), (" # 42\n", "42"), ("4 2", "4 2"),
            ("INC#7", "INC#7"), ("42.0", "42.0"),
            ("\u200342\x1f", "42"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("newer", [{}, {"newer": 1}])
    def test_a_ticket_is_kept_bare_and_as_text(self, sent: Any, kept: str, newer: dict[str, Any]) -> None:
        ticket = {"system": "halopsa", "ticket_id": sent}
        change_ = arrive(change("session.opened.v1", {"psa_ticket": ticket} | newer)).arrival
        assert isinstance(change_, SessionChange)
        assert (
            change_.data
            == f'{{"psa_ticket":{{"system":"halopsa","ticket_id":{json.dumps(kept, ensure_ascii=False)}}}}}'
        )
        event = event_of(change_)
        assert isinstance(event.data, SessionOpened)
        assert event.data.psa_ticket is not None
        assert event.data.psa_ticket.ticket_id == kept

    @pytest.mark.parametrize("sent", ["", " ", "#", " # ", "\x00", "#\x00", True, None, [], "4" * 257, 10**300])
    @pytest.mark.parametrize("newer", [{}, {"newer": 1}])
    def test_a_ticket_without_an_id_is_refused(self, sent: Any, newer: dict[str, Any]) -> None:
        ticket = {"system": "halopsa", "ticket_id": sent}
        refusal = refused(arrive(change("session.opened.v1", {"psa_ticket": ticket} | newer)))
        assert refusal.error.startswith("data.psa_ticket.ticket_id: ")

    @given(st.binary(max_size=200))
    def test_never_raises_on_bytes(self, value: bytes) -> None:
        assert isinstance(arrive(value).arrival, Refusal)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=8,
        ),
        st.sampled_from(["session.snapshot.v1", "session.script_generated.v1", "session.opened.v1", "session.x.v1"]),
    )
    def test_never_raises_on_any_data(self, data: Any, event_type: str) -> None:
        arrive(change(event_type, data))
        arrive(data)


class TestSecrets:
    def test_a_marked_parameter_is_gone_and_known(self) -> None:
        decoded = arrive(change("session.script_generated.v1", SCRIPT))
        event = accepted(decoded)
        assert isinstance(event.data, ScriptGenerated)
        assert event.data.parameters_used["account"] == "svc-map"
        assert re.fullmatch(r"\[REDACTED:password:[0-9a-f]{16}\]", str(event.data.parameters_used["pass"]))
        assert len(decoded.known) == 1
        assert SECRET not in repr(decoded)

    def test_a_marked_parameter_of_a_snapshot_is_gone(self) -> None:
        decoded = arrive(change("session.snapshot.v1", {"scripts": [SCRIPT]}))
        assert isinstance(decoded.arrival, SessionChange)
        assert SECRET not in repr(decoded)

    @pytest.mark.parametrize(
        "value",
        [
            change("session.script_generated.v1", SCRIPT | {"generation_id": None}),
            change("session.script_generated.v1", SCRIPT, time="yesterday"),
            change("session.script_generated.v1", SCRIPT, subject=None),
            change("session.snapshot.v1", {"scripts": [SCRIPT | {"generation_id": 5}]}),
            event("session.script_generated.v1", SCRIPT | {"extra": nested(80)}, stateversion=1),
        ],
    )
    def test_an_excerpt_holds_no_marked_parameter(self, value: Any) -> None:
        decoded = arrive(value)
        assert isinstance(decoded.arrival, Refusal)
        assert SECRET not in repr(decoded)

    def test_an_excerpt_of_broken_json_holds_no_marked_parameter(self) -> None:
        raw = json.dumps(change("session.script_generated.v1", SCRIPT)).encode()
        assert SECRET not in refused(arrive(raw[:-3])).excerpt

    def test_an_excerpt_shows_what_was_refused(self) -> None:
        assert '"text":"Ping works."' in refused(arrive(change(data=FACT | {"fact_id": None}))).excerpt

    def test_an_excerpt_is_cut_between_characters(self) -> None:
        shown = deadletters.cut("ä" * 2000)
        assert len(shown.encode()) == EXCERPT_BYTES
        assert deadletters.cut("a" + "ä" * 2000).encode()[-2:] == "ä".encode()

    def test_a_record_tells_nothing_of_itself(self) -> None:
        assert SECRET not in repr(record(change("session.script_generated.v1", SCRIPT)))

    def test_decoding_is_a_function_of_the_record(self) -> None:
        script_record = record(change("session.script_generated.v1", SCRIPT))
        assert decode(script_record, TOPICS, REDACTOR) == decode(script_record, TOPICS, REDACTOR)
