"""Reads JSON from bytes within the contract's limits (part 2), and names the reasons for refusing a record."""

import json
from collections.abc import Mapping
from typing import Never

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json

from consumer.errors import Permanent
from schemas.dead_letters import RefusalReason

MAX_BYTES = 1024 * 1024
"""The most bytes of a record's value, uncompressed."""
MAX_DEPTH = 64
"""The most levels of objects and arrays."""
MAX_PARAMETERS = 1_000
"""The most parameters of all scripts in one value together."""

_SHOWN_PROBLEMS = 3
_FREE_NAMES = frozenset({"parameters_used", "parameters_schema"})  # names below these are the producer's own words
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTAINERS = frozenset({dict, list})


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
    check_depth(parsed)
    return parsed


def parse_member(value: bytes, *, levels: int) -> JsonValue:
    """Like `parse_json`, for a part of a value whose size was checked; it stands `levels` levels below the top."""
    parsed = around = _parsed(value)
    for _ in range(levels):
        around = [around]
    check_depth(around)
    return parsed


def _parsed(value: bytes) -> JsonValue:
    try:
        parsed: JsonValue = from_json(value, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        parsed = _tolerantly(value)
    return parsed


def check_depth(value: JsonValue) -> None:
    """Raises Unacceptable for a value that is nested too deeply. Does not recurse itself."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            member
            for container in level
            for member in (container.values() if type(container) is dict else container)  # type: ignore[union-attr]
            if type(member) in _CONTAINERS
        ]
    if level:
        raise too_large(f"the value is nested over {MAX_DEPTH} levels")


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
