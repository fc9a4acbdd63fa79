"""Values for every field of every event that the service reads, made from the schemas' models.

A field that is added to a model is covered at once. A value is JSON text, for most spellings are lost once it is read.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue

from schemas.envelope import Envelope
from schemas.fields import Instant

Written = st.SearchStrategy[str]
"""JSON text."""

SECRET: Final = "the admin password is Hunter-77-blue!"
USUAL: Final = ("Ping works.", "a", "Größe", 'it\'s "quoted"', "two\nlines", "f-1")
TEXTS: Final = (
    "a / b", "a / 7b", "line\nline", "C:\\temp", "", " ", "\t", "\x1c", "\u2003", "\x00", "a\x00b", "\ud800",
    "\udc00\ud800", "\U0001f511", "pa\u017fsword", SECRET, "#", "##42", "#42", " 42 ", "42\n", "i" * 128, "i" * 129,
    "i" * 256, "i" * 257, "true", "null", "1", "1.0", "[REDACTED:password:0123456789abcdef]",
)  # fmt: skip
NUMBERS: Final = (
    "0", "-0", "-0.0", "0.5", "1", "1.0", "1e0", "4.2e1", "42", "42.0", "49.5", "50.5", "99.5", "100", "100.0", "100.4",
    "101", "-1", "-0.4", "1e-7", "1e22", "1e308", "1e309", "1e400", "-1e400", "1E+400", "0e999", "1e-400", "4", "5",
    "3600", "3601", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616",
    "1" + "0" * 40, "1" + "0" * 308, "1" + "0" * 309, "-" + "9" * 400, "9" * 4301, "0.10000000000000000555111512312578",
)  # fmt: skip
NO_JSON: Final = (
    "NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.", "0x1", "1e", "'a'", '"\\x"', '"\t"', "", "--1", "[1,",
)  # fmt: skip
_TIME_PARTS: Final = (
    ["2026", "0000", "9999", "26", "+2026"],
    ["-", "", "/"],
    ["10", "02", "13", "00", "1"],
    ["-", ""],
    ["01", "29", "31", "32", "00", "1"],
    ["T", "t", " ", "  ", "_", ""],
    ["08", "23", "24", "00", "8"],
    [":", ""],
    ["00", "59", "60", "0"],
    [":00", ":59", ":60", ":61", "00", ""],
    ["", ".5", ".123456", ".123456789", ".9999995", ".", ",5", ".1234567890123"],
    ["Z", "z", "+00:00", "-05:30", "+0000", "-0530", "+05", "+5:30", "-00:00", "+23:59", "+24:00", "+05:60",
     "+05:30:10", "", " Z", "Z ", "+\u0665:00", "UTC"],
)  # fmt: skip
"""The first of each make a usual time."""


@st.composite
def times(draw: st.DrawFn) -> str:
    """A time with up to three odd parts."""
    odd = draw(st.sets(st.sampled_from(range(len(_TIME_PARTS))), max_size=3))
    return "".join(draw(st.sampled_from(part)) if at in odd else part[0] for at, part in enumerate(_TIME_PARTS))


def _quoted(text: str, ascii_only: bool) -> str:
    """A lone surrogate can only be written escaped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        ascii_only = True
    return json.dumps(text, ensure_ascii=ascii_only)


texts: Final = st.builds(
    _quoted, st.one_of(st.sampled_from(USUAL), st.sampled_from(TEXTS), st.text(max_size=6)), st.booleans()
)
numbers: Final = st.one_of(st.sampled_from(NUMBERS), st.integers().map(str), st.floats(allow_nan=False).map(json.dumps))
booleans: Final = st.sampled_from(["true", "false"])
nothing: Final = st.just("null")
scalars: Final = st.one_of(
    texts, numbers, booleans, nothing, st.sampled_from(["[]", "{}", "[null]", '{"a":1}']), st.sampled_from(NO_JSON)
)
_SIMPLE: Final[Mapping[Any, Written]] = {
    str: texts, int: numbers, float: numbers, bool: booleans, NoneType: nothing
}  # fmt: skip
_NAMES: Final = st.one_of(
    st.sampled_from(["pass", "host", "api_key", "count", "text", "a\x00b", "\ud800"]), st.text(max_size=4)
)


def members(pairs: Iterable[tuple[str, str]]) -> str:
    """An object, from names and written values."""
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs) + "}"


def _object_of(values: Written) -> Written:
    return st.lists(st.tuples(_NAMES, values), max_size=3).map(members)


def _list_of(values: Written) -> Written:
    return st.lists(values, max_size=2).map(lambda each: f"[{','.join(each)}]")


anything: Final = st.recursive(scalars, lambda inner: st.one_of(_list_of(inner), _object_of(inner)), max_leaves=4)
_schemas: Final = st.one_of(
    st.sampled_from([
        '{"parameters":[{"key":"host","field_type":"text"},{"key":"pass","field_type":"password"}]}',
        '{"parameters":[{"key":"pass","sensitive":true,"default":"Hunter-77-blue!"},{"key":"b"}]}',
        '{"parameters":[{"key":"count","sensitive":1e400}]}',
    ]),
    anything,
)  # fmt: skip


def values(hint: Any) -> Written:
    """Values of a field's type, mostly near what it takes."""
    fitting = _fitting(hint)
    return st.integers(0, 11).flatmap(lambda chance: fitting if chance else scalars)


def _fitting(hint: Any) -> Written:
    inner = get_args(hint)
    if hint == Instant:
        return times().map(json.dumps)
    if hasattr(hint, "__metadata__"):  # its constraints are met by the choice of texts and numbers
        return _fitting(inner[0])
    if isinstance(hint, type) and hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return data(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from([json.dumps(member.value) for member in hint])
    return _composed(get_origin(hint), inner)


def _composed(origin: Any, inner: tuple[Any, ...]) -> Written:
    if origin is Literal:
        return st.sampled_from([json.dumps(member) for member in inner])
    if origin is tuple:
        return _list_of(values(inner[0]))
    if origin is dict:
        return _object_of(anything)
    return st.one_of(*map(_fitting, inner)) if origin in {Union, UnionType} else anything


@st.composite
def data(draw: st.DrawFn, model: type[BaseModel]) -> str:
    """An object of a model, usual but for one or two fields; now and then one is absent or not known."""
    hints = get_type_hints(model, include_extras=True)
    names = [*model.model_fields, "newer"]
    odd = draw(st.sets(st.sampled_from(names), max_size=2))
    absent = draw(st.sets(st.sampled_from(names), max_size=2)) - odd if draw(st.booleans()) else {"newer"}
    pairs = []
    for name in names:
        hint = hints.get(name, JsonValue)
        if name in odd:
            pairs.append((name, draw(_schemas if name == "parameters_schema" else values(hint))))
        elif name not in absent:
            pairs.append((name, _usual(hint)))
    return members(pairs)


def _usual(hint: Any) -> str:
    inner = get_args(hint)
    if hint == Instant:
        return '"2026-03-02T09:00:00Z"'
    if hasattr(hint, "__metadata__"):
        return _usual(inner[0])
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        fields = get_type_hints(hint, include_extras=True)
        return members((name, _usual(fields[name])) for name in hint.model_fields)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return '"applied_success"'
    if get_origin(hint) in {Union, UnionType, tuple}:
        return f"[{_usual(inner[0])}]" if get_origin(hint) is tuple else _usual(inner[0])
    return {str: '"a1"', int: "42", float: "42", bool: "true"}.get(hint, '{"host":"srv-1"}')


def paths(hint: Any) -> Iterator[tuple[str, ...]]:
    """The path of each field of a model, those of its rows and members included."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, kind in get_type_hints(hint, include_extras=True).items():
            if name in hint.model_fields:
                yield (name,)
                yield from ((name, *path) for path in paths(kind))
    elif hasattr(hint, "__metadata__") or get_origin(hint) in {Union, UnionType, tuple}:
        yield from paths(get_args(hint)[0])


def usual_but(hint: Any, path: tuple[str, ...], value: str) -> str:
    """A usual object of a model, with this value at this path."""
    if not path:
        return value
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        kinds = get_type_hints(hint, include_extras=True)
        return members(
            (name, usual_but(kinds[name], path[1:], value) if name == path[0] else _usual(kinds[name]))
            for name in hint.model_fields
        )
    within = usual_but(get_args(hint)[0], path, value)
    return f"[{within}]" if get_origin(hint) is tuple else within


def odd_values() -> list[str]:
    """Every odd spelling that this module knows, for a field of any type."""
    odd_times = [
        "".join(other if number == at else each[0] for number, each in enumerate(_TIME_PARTS))
        for at, part in enumerate(_TIME_PARTS)
        for other in part
    ]
    written = [json.dumps(text) for text in (*USUAL, *TEXTS, *odd_times)]
    return [*written, *NUMBERS, *NO_JSON, "true", "false", "null", "[]", "{}", "[null]", "[1e400]", '{"a":[1e400]}']


def attributes() -> Iterator[tuple[str, Written]]:
    """Each attribute of the envelope, with its values; `data` is left to `data`."""
    hints = get_type_hints(Envelope, include_extras=True)
    yield from ((name, values(hints[name])) for name in Envelope.model_fields if name != "data")
    yield from ((name, texts) for name in ("dataschema", "partitionkey", "traceparent", "tracestate"))
    yield "newer", anything
