"""The fast path gives the result of the thorough path, or None."""

import contextlib
import json
from typing import Any, Self

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, model_validator

from consumer.domain.arrival import fast as fast_path
from consumer.domain.arrival import fast_scripts
from consumer.domain.arrival.decode import decode
from consumer.domain.arrival.fast import fast
from consumer.domain.arrival.fast_types import NoFastType, fast_struct, fast_type
from consumer.domain.arrival.limits import MAX_BYTES
from consumer.domain.arrival.thorough import thorough
from consumer.domain.events import Decoded, Record, Refusal, SessionChange
from schemas.envelope import Envelope, Received
from schemas.fields import Id, Instant, Percent, ShortId, Text, Version
from schemas.sessions import SESSION_TYPES
from schemas.topics import REPLAY_SUFFIX, SESSIONS
from tests.support.wire import FACT, REDACTOR, TOPICS, change, record

SECRET = "the admin password is Hunter-77-blue!"
_ABSENT: Any = ...
_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "a / b",
            "a / 7b",
            "line\nline",
            'say "hi"',
            "C:\\temp",
            "",
            " ",
            "\x1c",
            "\u2003",
            "\x00",
            "\ud800",
            SECRET,
            "pa\u017fsword",
        ]
    ),
)
_VALUES = st.one_of(_TEXTS, st.none(), st.booleans(), st.integers(), st.floats(), st.just([1]), st.just({"a": "b"}))
_NAMES = st.sampled_from(
    ["fact_id", "text", "source_type", "source_summary", "title", "psa_ticket", "fix_id", "status", "pending_reason",
     "confidence_pct", "applied_at", "parameters_used", "resolution", "newer"]
)  # fmt: skip
_ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "specversion": st.sampled_from(["1.0", "0.3"]),
        "id": _TEXTS,
        "source": st.sampled_from(["/a", "", "ü", 3]),
        "type": st.sampled_from([*SESSION_TYPES, "session.rated.v1", "escalation.requested.v1"]),
        "subject": st.one_of(_TEXTS, st.just("s" * 129)),
        "time": st.sampled_from(
            ["2026-03-02T09:00:00Z", "2026-03-02T09:00:00.123456789+05:30", "2026-03-02t09:00:00z",
             "2026-12-31T23:59:59.9999995Z", "2026-03-02T09:00:00.123456499999Z", "2026-03-02T09:00:00.1234565Z",
             "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-01:00", "2026-03-02T09:00:00.Z",
             "2026-03-02 09:00:00Z", "2026-06-30T23:59:60Z", "2026-02-30T09:00:00Z", "2026-03-02T09:00:00",
             "0001-01-01T00:00:00+01:00", 5]
        ),
        "tenantid": st.one_of(_TEXTS, st.none()),
        "stateversion": st.sampled_from([0, 2**63 - 1, 2**63, -1, 1.0, True, "1", None]),
        "actor": st.one_of(_TEXTS, st.none(), st.just(5)),
        "datacontenttype": st.sampled_from(["application/json", "text/json", "text/plain", None]),
        "replayid": st.one_of(_TEXTS, st.none()),
        "traceparent": _VALUES,
        "newer": _VALUES,
    },
)  # fmt: skip


_TIME_PARTS = (
    ["2026", "0000", "9999", "26", "+2026"],
    ["-"] * 4 + ["", "/"],
    ["10", "02", "13", "00", "1"],
    ["-"] * 4 + [""],
    ["01", "29", "31", "32", "00", "1"],
    ["T"] * 4 + ["t", " ", "  ", "_", ""],
    ["08", "23", "24", "00", "8"],
    [":"] * 4 + [""],
    ["00", "59", "60", "0"],
    [":00"] * 4 + [":59", ":60", ":61", "00", ""],
    ["", "", ".5", ".123456", ".123456789", ".9999995", ".", ",5", ".1234567890123"],
    ["Z", "z", "+00:00", "-05:30", "+0000", "-0530", "+05", "+5:30", "-00:00", "+23:59", "+24:00", "+05:60",
     "+05:30:10", "", " Z", "Z ", "+\u0665:00", "UTC"],
)  # fmt: skip
_TIMES = st.tuples(*(st.sampled_from(part) for part in _TIME_PARTS)).map("".join)


def says(record: Record) -> tuple[Decoded | None, Decoded]:
    """Results of the fast and the thorough path. Checks that `decode` gives the thorough one."""
    short, long = plain_change(record), thorough(record, TOPICS, REDACTOR)
    assert decode(record, TOPICS, REDACTOR) == long
    return short, long


def plain_change(record: Record) -> Decoded | None:
    return fast(record, TOPICS, REDACTOR)


class TestTheTwoWaysAgree:
    @given(
        attributes=_ATTRIBUTES,
        data=st.dictionaries(_NAMES, _VALUES, max_size=5),
        base=st.sampled_from([{}, FACT]),
        ascii_only=st.booleans(),
    )
    @example(attributes={}, data={}, base=FACT, ascii_only=True)
    def test_on_any_event(
        self, attributes: dict[str, Any], data: dict[str, Any], base: dict[str, Any], ascii_only: bool
    ) -> None:
        value = json.dumps(change(data=base | data) | attributes, ensure_ascii=ascii_only)
        short, long = says(record(value.encode("utf-8", "surrogatepass")))
        assert short is None or short == long

    @given(value=st.sampled_from([FACT, {"fact_id": "f", "text": SECRET, "source_type": "s"}]), at=st.integers(0, 400))
    def test_on_torn_values(self, value: dict[str, Any], at: int) -> None:
        whole = json.dumps(change(data=value)).encode()
        for torn in (whole[:at], whole[:at] + whole[at + 1 :], whole[:at] + b"\\" + whole[at:]):
            short, long = says(record(torn))
            assert short is None or short == long

    @pytest.mark.parametrize("name", ["time", "data", "text", "type"])
    def test_of_a_name_that_comes_twice_the_last_counts(self, name: str) -> None:
        value = json.dumps(change(data=FACT))
        twice = value.replace(f'"{name}":', f'"{name}": "x", "{name}":', 1).encode()
        short, long = says(record(twice))
        assert short is None or short == long

    def test_what_is_passed_over_has_to_be_sound_as_well(self) -> None:
        value = json.dumps(change(data=FACT)).encode().replace(b'"data":', b'"data": "\xff", "data":')
        short, long = says(record(value))
        assert short is None
        assert isinstance(long.arrival, Refusal)

    @pytest.mark.parametrize("name", ["id", "subject", "tenantid", "replayid", "source"])
    @pytest.mark.parametrize("value", ["", " ", "\x1c", "\u2003", "\x00", "\ud800", "i" * 129, "i" * 257, 7, None])
    @pytest.mark.parametrize("topic", [SESSIONS, SESSIONS + REPLAY_SUFFIX])
    def test_on_names(self, name: str, value: Any, topic: str) -> None:
        short, long = says(record(change(**{name: value}), topic=topic))
        assert short is None or short == long

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("2026-03-02T09:00:00+05:30", "2026-03-02T09:00:00+05:30"),
            ("2026-12-31T23:59:59.9999995Z", "2027-01-01T00:00:00+00:00"),
            ("2026-03-02T09:00:00.123456499999Z", "2026-03-02T09:00:00.123456+00:00"),
            ("2026-03-02T09:00:00.1234565Z", "2026-03-02T09:00:00.123457+00:00"),
            ("2026-03-02T09:00:00.5Z", "2026-03-02T09:00:00.500000+00:00"),
            ("2026-06-30T23:59:60Z", "2026-06-30T23:59:59+00:00"),
        ],
    )
    def test_on_times(self, sent: str, kept: str) -> None:
        short, long = says(record(change(time=sent)))
        assert short is None or short == long
        assert isinstance(long.arrival, SessionChange)
        assert long.arrival.occurred_at.isoformat() == kept
        if short is not None:
            assert isinstance(short.arrival, SessionChange)
            assert short.arrival.occurred_at.isoformat() == kept

    @given(time=_TIMES, usual=st.booleans())
    @example(time="2026-10-01T08:00:00-0530", usual=True)
    @example(time="2026-10-01T08:00:00+0000", usual=False)
    def test_on_any_spelling_of_a_time(self, time: str, usual: bool) -> None:
        value = change(data=FACT if usual else FACT | {"newer": 1}, time=time)
        short, long = says(record(json.dumps(value, ensure_ascii=False).encode()))
        assert short is None or short == long

    @pytest.mark.parametrize("data", [FACT, FACT | {"newer": 1}])
    def test_a_time_without_a_colon_in_its_offset_is_refused_whatever_the_data(self, data: dict[str, Any]) -> None:
        refusal = decode(record(change(data=data, time="2026-10-01T08:00:00-0530")), TOPICS, REDACTOR).arrival
        assert isinstance(refusal, Refusal)
        assert refusal.error == "time: must be an RFC 3339 time with an offset"

    @pytest.mark.parametrize("confidence", [-1, 0, 100, 101, 49.5, True, "50"])
    @pytest.mark.parametrize("fix_id", ["x", "x" * 256, "x" * 257])
    def test_on_bounds(self, confidence: Any, fix_id: str) -> None:
        data = {"fix_id": fix_id, "title": "t", "description": "d", "confidence_pct": confidence}
        short, long = says(record(change("session.fix_suggested.v1", data)))
        assert short is None or short == long

    @pytest.mark.parametrize("kind", SESSION_TYPES)
    @pytest.mark.parametrize("data", [_ABSENT, None, {}, {"fact_id": "f"}, {"fix_id": "x", "confidence_pct": 49.5}])
    def test_on_every_type(self, kind: str, data: Any) -> None:
        short, long = says(record(change(kind, data)))
        assert short is None or short == long


class TestWhatIsPlain:
    @pytest.mark.parametrize(
        "event",
        [
            change(data=FACT),
            change(data=FACT, tenantid="acme", actor="user:7", traceparent="00-1-1-01", dataschema="/s"),
            change(data=FACT | {"text": 'Two\nlines, "quoted", C:\\temp, Größe'}),
            change("session.opened.v1", {"title": "t", "psa_ticket": {"system": "halopsa", "ticket_id": 7}}),
            change("session.fix_outcome_recorded.v1", {"fix_id": "x", "status": "applied_success"}),
            change("session.closed.v1", {}),
        ],
    )
    def test_ordinary_events_are(self, event: dict[str, Any]) -> None:
        for headers in ({}, {"content-type": b"application/cloudevents+json", "traceparent": b"00-1-1-01"}):
            plain_record = record(event, headers=headers)
            short, long = says(plain_record)
            assert short is not None
            assert short == long == decode(plain_record, TOPICS, REDACTOR)

    @pytest.mark.parametrize(
        "event",
        [
            change(data=FACT | {"newer": {"parameters_used": {"pass": "Hunter-77-blue!"}}}),
            change("session.snapshot.v1", {}),
            change("session.rated.v1", {}),
            change("escalation.requested.v1", {"request_id": "r"}),
            change(data=FACT | {"text": "x" * MAX_BYTES}),
            change(data=FACT | {"text": "a\x00b"}),
        ],
    )
    def test_all_else_is_not(self, event: dict[str, Any]) -> None:
        assert plain_change(record(event)) is None

    @pytest.mark.parametrize(
        "event",
        [
            change(data=FACT | {"text": SECRET}),
            change(data=FACT | {"text": f'"first"\n{SECRET}'}),
            change(data=FACT, actor=SECRET),
            change("session.opened.v1", {"title": "t", "psa_ticket": {"system": SECRET, "ticket_id": "7"}}),
        ],
    )
    @pytest.mark.parametrize("spelled", ["password", "\\u0070assword"])
    def test_a_secret_is_replaced_and_known(self, event: dict[str, Any], spelled: str) -> None:
        value = json.dumps(event).replace("password", spelled).encode()
        short, long = says(record(value))
        assert short == long
        assert len(long.known) == 1
        assert "Hunter" not in repr(short)

    def test_binary_mode_is_not(self) -> None:
        assert plain_change(record(change(), headers={"CE_type": b"session.closed.v1"})) is None

    @pytest.mark.parametrize("value", [None, b"", b"\xef\xbb\xbf{}", b"[]", b"7"])
    def test_what_is_no_event_is_not(self, value: bytes | None) -> None:
        assert plain_change(record(value)) is None


_PARAMETERS = st.dictionaries(
    st.one_of(st.sampled_from(["pass", "host", "api_key", "count"]), _TEXTS),
    st.recursive(
        st.one_of(_TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.just(10**40)),
        lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(_TEXTS, inner, max_size=2)),
        max_leaves=4,
    ),
    max_size=3,
)
_SCHEMAS = st.one_of(
    st.none(),
    st.just("none"),
    st.just({"parameters": [{"key": "host", "field_type": "text"}, {"key": "pass", "field_type": "password"}]}),
    st.just({"parameters": [{"key": "pass", "field_type": "password", "default": "Hunter-77-blue!"}, {"key": "b"}]}),
    st.just({"parameters": [{"key": "host", "label": SECRET}]}),
)


class TestScripts:
    @given(
        used=st.one_of(_PARAMETERS, st.just([])),
        template=st.one_of(
            st.none(),
            st.just(_ABSENT),
            st.fixed_dictionaries(
                {"name": _TEXTS},
                optional={
                    "slug": st.one_of(st.none(), _TEXTS),
                    "template_id": st.sampled_from([7, "7", "", None]),
                    "parameters_schema": _SCHEMAS,
                    "newer": st.just(1),
                },
            ),
        ),
        ascii_only=st.booleans(),
    )
    def test_the_two_ways_agree(self, used: Any, template: Any, ascii_only: bool) -> None:
        data = {"generation_id": "g1", "parameters_used": used} | (
            {} if template is _ABSENT else {"template": template}
        )
        value = json.dumps(change("session.script_generated.v1", data, actor="a"), ensure_ascii=ascii_only)
        short, long = says(record(value.encode("utf-8", "surrogatepass")))
        assert short is None or short == long

    def test_an_ordinary_one_is_plain_and_its_marked_parameter_known(self) -> None:
        short, long = says(record(change("session.script_generated.v1", _script())))
        assert short is not None
        assert short == long
        assert len(long.known) == 1
        assert "Hunter" not in repr(short)

    def test_of_a_template_that_holds_a_secret_nothing_is_kept(self) -> None:
        says(record(change("session.script_generated.v1", _script())))
        before = fast_scripts._kept.cache_info()
        for entry in ({"default": "Hunter-77-blue!"}, {"label": SECRET}):
            short, long = says(record(change("session.script_generated.v1", _script(**entry))))
            assert short is None
            assert "Hunter" not in repr(long)
        after = fast_scripts._kept.cache_info()
        assert after.misses > before.misses
        assert after.currsize == before.currsize

    def test_a_long_template_is_not_kept(self) -> None:
        data = _script(label="a word " * 2_000)
        short, long = says(record(change("session.script_generated.v1", data)))
        assert short is None
        assert isinstance(long.arrival, SessionChange)

    @pytest.mark.parametrize("levels", [60, 61, 62, 63])
    def test_depth_is_bounded_all_the_same(self, levels: int) -> None:
        deep: Any = "deep"
        for _ in range(levels):
            deep = [deep]
        for data in (
            {"generation_id": "g", "parameters_used": {"a": deep}},
            {"generation_id": "g", "template": {"name": "n", "parameters_schema": deep}, "parameters_used": {}},
        ):
            short, long = says(record(change("session.script_generated.v1", data)))
            assert short is None or short == long

    def test_one_template_serves_all_sessions_and_each_has_placeholders_of_its_own(self) -> None:
        first, second = (
            plain_change(record(change("session.script_generated.v1", _script(), subject=name))) for name in "ab"
        )
        assert first is not None
        assert second is not None
        assert first.known != second.known


def _script(**of_the_marked: Any) -> dict[str, Any]:
    entry = {"key": "pass", "field_type": "password"} | of_the_marked
    return {
        "generation_id": "g1",
        "template": {"name": "Map drive", "parameters_schema": {"parameters": [{"key": "host"}, entry]}},
        "parameters_used": {"host": "srv-1", "pass": "Hunter-77-blue!"},
    }


class TestModels:
    def test_a_model_with_rules_of_its_own_is_asked_itself(self) -> None:
        class Ruled(Received):
            text: Text

            @model_validator(mode="after")
            def _legal(self) -> Self:
                return self

        with pytest.raises(NoFastType):
            fast_struct(Ruled)

    def test_what_the_struct_does_not_know_is_no_reason_to_ask_less(self) -> None:
        class Odd(Received):
            at: Instant

        with pytest.raises(NoFastType):
            fast_struct(Odd)

    def test_the_envelope_has_the_published_fields(self) -> None:
        passed_over = {"dataschema", "partitionkey", "traceparent", "tracestate"}
        assert set(fast_path._STRUCT.__struct_fields__) == set(Envelope.model_fields) | passed_over

    @pytest.mark.parametrize("kind", [Id, ShortId, Version, Percent])
    def test_bounds_are_the_schemas(self, kind: Any) -> None:
        check, read = TypeAdapter(kind).validate_python, msgspec.json.Decoder(fast_type(kind)).decode
        for value in ("x", "x" * 128, "x" * 129, "x" * 256, "x" * 257, "", " ", 0, -1, 100, 101, 2**63 - 1, 2**63):
            try:
                taken = read(json.dumps(value).encode())
            except ValueError:
                continue
            assert taken == check(value) == value
        for edge in ("x" * 128, "x" * 256, 0, 100, 2**63 - 1):
            with contextlib.suppress(ValueError):
                assert check(edge) == read(json.dumps(edge).encode())


@pytest.mark.parametrize(
    "token",
    [
        f"sk_{'0123456789abcdef' * 3}",
        "pk_4712345_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
        "A3-ASWWYB-798JRY-LJVD4-23DC2-86TVM-H43EB",
        "re_4tYpZk9Q_aBcDeFgHjKmNpQrStUvWxYz2",
    ],
)
def test_a_token_that_begins_a_line_is_removed_here_too(token: str) -> None:
    """The gate reads the data while its line ends are escaped: there a letter stands before the token."""
    for lead in ("x\n", "x\t", "x\r\n"):
        arrived = record(change(data={**FACT, "text": f"{lead}{token}\nworks"}))
        decoded = fast(arrived, TOPICS, REDACTOR)
        assert decoded is not None
        assert isinstance(decoded.arrival, SessionChange)
        assert decoded.arrival.data is not None
        assert token not in decoded.arrival.data
