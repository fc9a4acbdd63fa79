"""Reads JSON from bytes within the contract's limits (part 2), and names the reasons for refusing a record."""

import json
from collections.abc import Mapping
from itertools import chain, takewhile
from math import isfinite
from typing import Never

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json

from consumer.errors import Permanent
from schemas.dead_letters import RefusalReason
from schemas.envelope import Envelope
from schemas.escalations import ESCALATION_TYPES
from schemas.fields import is_finite
from schemas.sessions import SESSION_TYPES, Template
from schemas.tickets import PsaTicket

MAX_BYTES = 1024 * 1024
"""The most bytes of a record's value, uncompressed."""
MAX_DEPTH = 64
"""The most levels of objects and arrays."""
MAX_PARAMETERS = 1_000
"""The most parameters of all scripts in one value together."""

_SHOWN_PROBLEMS = 3
_FREE_NAMES = frozenset({"parameters_used", "parameters_schema"})  # names below these are the producer's own words
_MODELS = (Envelope, PsaTicket, Template, *SESSION_TYPES.values(), *ESCALATION_TYPES.values())
_FIELDS = frozenset(chain(*(model.model_fields for model in _MODELS)))
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTAINERS = frozenset({dict, list})
_NUMBERS = frozenset({int, float})


class Unacceptable(Permanent):
    """Why a record is refused. `error` is one line that names the field and holds nothing of the record's content."""

    def __init__(self, reason: RefusalReason, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.error = error


def undecodable(error: str) -> Unacceptable:
    return Unacceptable(RefusalReason.UNDECODABLE, error)


def invalid(error: str) -> Unacceptable:
    return Unacceptable(RefusalReason.INVALID, error)


def invalid_fields(error: ValidationError, *before: str) -> Unacceptable:
    """Says in one line which fields a model refused, and why. `before` is the path to the model. Shows no input."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    shown = [f"{_path((*before, *problem['loc']))}{problem['msg']}" for problem in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > _SHOWN_PROBLEMS:
        shown.append(f"and {len(problems) - _SHOWN_PROBLEMS} more")
    return invalid(" ".join("; ".join(shown).split()))


def too_large(error: str) -> Unacceptable:
    return Unacceptable(RefusalReason.TOO_LARGE, error)


def parse_json(value: bytes | None) -> JsonValue:
    """The JSON value of a record; of duplicate keys the last counts. Texts may hold U+0000 and lone surrogates.

    Raises Unacceptable for a value that is null, empty, over a limit, not UTF-8, or not JSON.
    """
    if not value:
        raise undecodable("the value is null or empty")
    if len(value) > MAX_BYTES:
        raise too_large(f"the value has {len(value)} bytes, over {MAX_BYTES}")
    if value.startswith(_BYTE_ORDER_MARK):
        value = value.removeprefix(_BYTE_ORDER_MARK)
    parsed = _parsed(value)
    check_values(parsed)
    return parsed


def parse_member(value: bytes, *, levels: int) -> JsonValue:
    """Like `parse_json`, for a part of a value whose size was checked; it stands `levels` levels below the top."""
    parsed = around = _parsed(value)
    for _ in range(levels):
        around = [around]
    check_values(around)
    return parsed


def _parsed(value: bytes) -> JsonValue:
    try:
        parsed: JsonValue = from_json(value, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        parsed = _tolerantly(value)
    return parsed


def check_values(value: JsonValue) -> None:
    """Raises Unacceptable for a value that is nested too deeply or holds a number that no double does.

    Does not recurse itself.
    """
    level, types = [value], {type(value)}
    for _ in range(MAX_DEPTH):
        if types.isdisjoint(_CONTAINERS):
            return
        level = _members(level, types)
        types = set(map(type, level))
        if not (types.isdisjoint(_NUMBERS) or _are_finite(level)):
            raise invalid(f"{_path(_steps_to_endless(value))}must be a number that is finite as a double")
    if not types.isdisjoint(_CONTAINERS):
        raise too_large(f"the value is nested over {MAX_DEPTH} levels")


def _members(values: list[JsonValue], types: set[type]) -> list[JsonValue]:
    """The members of all lists and objects among these values."""
    lists = values if types == {list} else [value for value in values if type(value) is list]
    objects = [value for value in values if type(value) is dict] if dict in types else ()
    return [*chain.from_iterable(lists), *chain.from_iterable(map(dict.values, objects))]  # type: ignore[arg-type]


def _are_finite(members: list[JsonValue]) -> bool:
    floats = [member for member in members if type(member) is float]
    integers = [member for member in members if type(member) is int]
    if not all(map(isfinite, floats)):
        return False
    return not integers or (is_finite(max(integers)) and is_finite(min(integers)))


def _steps_to_endless(value: JsonValue) -> tuple[str | int, ...]:
    """The path to a number that no double holds, as far as its names are the contract's."""
    waiting: list[tuple[JsonValue, tuple[str | int, ...]]] = [(value, ())]
    while waiting:
        around, steps = waiting.pop()
        if isinstance(around, float | int) and not is_finite(around):
            return tuple(takewhile(lambda step: isinstance(step, int) or step in _FIELDS, steps))
        if isinstance(around, list | dict):
            members = enumerate(around) if isinstance(around, list) else around.items()
            waiting += [(member, (*steps, step)) for step, member in members]
    return ()


def data_object(data: JsonValue) -> dict[str, JsonValue]:
    """An event's data as an object, within the limit of parameters. Raises Unacceptable.

    Absent or null data counts as an empty object. The model refuses it if the type has required fields.
    """
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise invalid("data: must be an object")
    check_parameters(data)
    return data


def check_parameters(data: Mapping[str, JsonValue]) -> None:
    """Raises Unacceptable for too many script parameters, a snapshot's scripts taken together."""
    if "parameters_used" not in data and "scripts" not in data:
        return
    scripts = data.get("scripts")
    holders = [data, *(scripts if isinstance(scripts, list) else ())]
    used = [holder.get("parameters_used") for holder in holders if isinstance(holder, dict)]
    if sum(len(parameters) for parameters in used if isinstance(parameters, dict)) > MAX_PARAMETERS:
        raise too_large(f"data.parameters_used: over {MAX_PARAMETERS} parameters")


def _tolerantly(value: bytes) -> JsonValue:
    """Parses JSON that the fast parser refuses although it is legal: lone surrogates, hundreds of levels."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise undecodable(f"not UTF-8 at byte {error.start}") from None
    try:
        parsed: JsonValue = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise undecodable(f"not JSON at character {error.pos}") from None
    except RecursionError:
        raise too_large(f"the value is nested over {MAX_DEPTH} levels") from None
    except ValueError:  # Python's own limit, because reading more digits takes quadratic time
        raise invalid("an integer has over 4,300 digits") from None
    return parsed


def _path(steps: tuple[str | int, ...]) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
        if step in _FREE_NAMES:
            break
    return f"{path}: " if path else ""


def _no_constant(_name: str) -> Never:
    raise undecodable("not JSON: NaN and Infinity are no JSON numbers")
