"""The fast path for an event's data: makes the JSON text that is stored straight from the data's bytes.

A msgspec Struct is derived from a model of texts, ids and percentages, and reads and writes its data in a third of the
time that pydantic takes. Any other model reads and writes its data itself. Data with unknown fields is left to the
thorough path.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from consumer.domain.arrival import stored
from consumer.domain.arrival.fast_types import NoFastType, fast_struct
from schemas.sessions import SESSION_TYPES, SessionData


class Unusual(ValueError):
    """The fast path does not take this value."""


_LONGEST_AGAIN: Final = 65_536
"""Bytes of data that are read twice on the fast path, if need be."""

Reader = Callable[[Raw], str]
"""A function from the data's bytes to the text that `stored.dump_data` gives for its model.

Raises ValueError or RecursionError for data that the thorough path has to read.
"""


def _reader(model: type[SessionData]) -> Reader:
    check = model.__pydantic_validator__.validate_json

    def by_model(data: Raw) -> str:
        return stored.dump_data(check(bytes(data), extra="forbid"))

    try:
        read, write = msgspec.json.Decoder(fast_struct(model)).decode, msgspec.json.Encoder().encode
    except NoFastType:
        return by_model

    def by_struct(data: Raw) -> str:
        try:
            return write(read(data)).decode()
        except msgspec.ValidationError:
            if len(bytes(data)) > _LONGEST_AGAIN:
                raise
            return by_model(data)  # the model may keep the value in another form, such as a number as text

    return by_struct


READERS: Final[Mapping[str, Reader]] = {name: _reader(model) for name, model in SESSION_TYPES.items()}
"""The readers by event type."""
