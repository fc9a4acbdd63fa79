"""The types of the fast path: msgspec types that take a subset of what the schemas' types take, and change nothing.

A value that such a type takes is also taken, and kept as it is, by the schemas' type. Bounds come from the schemas.
"""

from collections.abc import Iterator
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from msgspec import UNSET, Meta, Struct, UnsetType
from pydantic import BaseModel, StrictInt, StrictStr, WithJsonSchema
from pydantic.fields import FieldInfo

from schemas.fields import Id, NumberOrText, Percent, ShortId, Text, TicketId, Version, Word

VISIBLE: Final = r"\S"
"""Pattern of a text that is not blank, as Python understands it. The caller looks for U+0000."""

TRIMMED: Final = r"\A[^\s#]\S*\Z"
"""Pattern of a usual ticket's id, from which nothing is taken away."""

_TEXTS: Final = (Text, Word, Id, ShortId, NumberOrText)
_NUMBERS: Final = (Version, Percent)
_PLAIN: Final = ((StrictStr, str), (StrictInt, int), (NoneType, None))


class NoFastType(Exception):
    """No msgspec type takes a subset of what this type takes; the model itself has to read it."""


def fast_struct(model: type[BaseModel]) -> type[Struct]:
    """A Struct with the model's fields. A field that is absent is `UNSET`. Unknown fields are refused.

    Raises NoFastType for a model with validators of its own, or with a field of a type that is not known here.
    """
    rules = model.__pydantic_decorators__
    if rules.model_validators or rules.field_validators:
        raise NoFastType
    hints = get_type_hints(model, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for name, field in model.model_fields.items():
        kind = fast_type(hints[name])
        fields.append((name, kind) if field.is_required() else (name, kind | UnsetType, UNSET))
    return msgspec.defstruct(model.__name__, fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def fast_type(hint: Any, *, may_be_blank: bool = False) -> Any:
    """The msgspec type for a type of `schemas.fields`, an optional one, or a nested model. Raises NoFastType.

    With `may_be_blank` the caller looks for blank texts itself, which is cheaper than a pattern.
    """
    if hint == TicketId:
        return Annotated[str, text_bounds(NumberOrText, may_be_blank=True), Meta(pattern=TRIMMED)]
    if hint in _TEXTS:
        return Annotated[str, text_bounds(hint, may_be_blank=may_be_blank)]
    if hint in _NUMBERS:
        return Annotated[int, number_bounds(hint)]
    for plain, kind in _PLAIN:
        if hint == plain:
            return kind
    if get_origin(hint) in {Union, UnionType}:
        return reduce(or_, [fast_type(member, may_be_blank=may_be_blank) for member in get_args(hint)])
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return fast_struct(hint)
    raise NoFastType(str(hint))


def text_bounds(hint: Any, *, may_be_blank: bool = False) -> Meta:
    """The bounds of a text type of `schemas.fields`: its lengths in characters, and that it is not blank."""
    bounds = dict(_bounds(hint))
    pattern = None if may_be_blank else VISIBLE
    return Meta(min_length=bounds.get("min_length"), max_length=bounds.get("max_length"), pattern=pattern)


def number_bounds(hint: Any) -> Meta:
    """The bounds of a number type of `schemas.fields`: the least and the greatest value."""
    bounds = dict(_bounds(hint))
    return Meta(ge=bounds.get("ge"), le=bounds.get("le"))


def _bounds(hint: Any) -> Iterator[tuple[str, int]]:
    """Yields the bounds of a type, with the names that msgspec gives them."""
    for part in get_args(hint)[1:]:
        constraints = part.metadata if isinstance(part, FieldInfo) else [part]
        for constraint in constraints:
            match constraint:
                case MinLen(min_length=least):
                    yield "min_length", least
                case MaxLen(max_length=most):
                    yield "max_length", most
                case Ge(ge=int(least)):
                    yield "ge", least
                case Le(le=int(most)):
                    yield "le", most
                case WithJsonSchema(json_schema={"minimum": int(least), "maximum": int(most)}):
                    yield from (("ge", least), ("le", most))  # the bounds are in its validator, which is code
                case _:
                    pass
