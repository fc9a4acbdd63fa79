"""From the bytes of an event's data straight to the text that is stored of it, checked as its model checks it.

A model of texts, ids and percentages is read by a msgspec Struct derived from it, in a third of the time that pydantic
takes to read it and write it again; any other model reads and writes for itself. No field is taken that the model does
not know.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from pydantic import BaseModel, StrictStr

from consumer.domain.arrival import stored
from schemas.fields import Id, NumberOrText, Percent, Text
from schemas.sessions import SESSION_TYPES, SessionData


class Unusual(ValueError):
    """The short way says nothing of it."""


Reader = Callable[[Raw], str]
"""Raises ValueError or RecursionError where the text has to be found by the long way."""

_SEEN: Final = r"\S"  # not blank, as Python sees it; U+0000 is the caller's to look for

FastId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256, pattern=_SEEN)]

_SAME: Final[tuple[tuple[Any, Any], ...]] = (
    (Text, Annotated[str, Meta(pattern=_SEEN)]),
    (StrictStr, str),
    (Id, FastId),
    (NumberOrText, FastId),
    (Percent, Annotated[int, Meta(ge=0, le=100)]),
    (NoneType, None),
)
"""The field types, and what they take without changing it."""


class _Unequalled(Exception):
    """No Struct checks what this model checks."""


def _struct(model: type[BaseModel]) -> type[Struct]:
    rules = model.__pydantic_decorators__
    if rules.model_validators or rules.field_validators:
        raise _Unequalled
    hints = get_type_hints(model, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, field in model.model_fields.items():
        kind = _kind(hints[name])
        fields.append((name, kind) if field.is_required() else (name, kind | UnsetType, UNSET))
    return msgspec.defstruct(model.__name__, fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def _kind(hint: Any) -> Any:
    for known, same in _SAME:
        if hint == known:
            return same
    if get_origin(hint) in {Union, UnionType}:
        return reduce(or_, [_kind(one) for one in get_args(hint)])
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _struct(hint)
    raise _Unequalled


def _reader(model: type[SessionData]) -> Reader:
    check = model.__pydantic_validator__.validate_json

    def by_model(data: Raw) -> str:
        return stored.dump_data(check(bytes(data), extra="forbid"))

    try:
        read, write = msgspec.json.Decoder(_struct(model)).decode, msgspec.json.Encoder().encode
    except _Unequalled:
        return by_model

    def by_struct(data: Raw) -> str:
        try:
            return write(read(data)).decode()
        except msgspec.ValidationError:
            return by_model(data)  # perhaps a value is only kept in another form, such as a number as text

    return by_struct


READERS: Final[Mapping[str, Reader]] = {name: _reader(model) for name, model in SESSION_TYPES.items()}
"""By type: the data of an event to what `stored.dump` would make of its model."""
