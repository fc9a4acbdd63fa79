"""Whether a schema only adds to the released one: nothing goes that a reader relies on, nothing breaks a producer.

What the service publishes must still fit the released schema; what fits the released schema must still be accepted.
The comparison knows the words that the models' schemas use, and takes any other word of a schema as it stands.
"""

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
_AS_IT_STANDS = ("pattern", "format", "if", "then", "not", "allOf", "propertyNames")
_NUMBERS = {"integer", "number"}


def breaks_readers(released: Schema, new: Schema) -> list[str]:
    """What readers of the released schema would stumble over in events of the new one, a line for each."""
    return [*_lost(_Node(released), _Node(new)), *_misfits(_Node(new), _Node(released))]


def breaks_producers(released: Schema, new: Schema) -> list[str]:
    """What producers may send by the released schema and the new one refuses or no longer knows."""
    return [*_lost(_Node(released), _Node(new)), *_misfits(_Node(released), _Node(new))]


class _Node:
    """A schema within its document, its reference followed."""

    def __init__(self, schema: Schema, definitions: Schema | None = None, path: str = "$") -> None:
        self.definitions: Schema = schema.get("$defs", {}) if definitions is None else definitions
        while "$ref" in schema:
            schema = self.definitions[schema["$ref"].rsplit("/", 1)[-1]] | {
                key: value for key, value in schema.items() if key != "$ref"
            }
        self.schema = schema
        self.path = path

    def alternatives(self) -> list["_Node"]:
        """The schema as alternatives of one type each; without a type there is one, which may be anything."""
        if "anyOf" in self.schema:
            return [one for option in self.schema["anyOf"] for one in self._at(option, "").alternatives()]
        kinds = self.schema.get("type")
        if isinstance(kinds, list):
            return [self._at(self.schema | {"type": kind}, "") for kind in kinds]
        return [self]

    def properties(self) -> dict[str, "_Node"]:
        """Of an object, whichever alternative has them."""
        return {
            name: self._at(schema, f".{name}")
            for one in self.alternatives()
            for name, schema in one.schema.get("properties", {}).items()
        }

    def items(self) -> "_Node | None":
        return self._at(self.schema["items"], "[]") if isinstance(self.schema.get("items"), dict) else None

    def values(self) -> "_Node | None":
        given = self.schema.get("additionalProperties")
        return self._at(given, ".*") if isinstance(given, dict) else None

    def listed(self) -> set[str] | None:
        """The only values that it allows, as JSON; None where it lists none."""
        if "const" in self.schema:
            return {json.dumps(self.schema["const"])}
        return {json.dumps(value) for value in self.schema["enum"]} if "enum" in self.schema else None

    def _at(self, schema: Schema, step: str) -> "_Node":
        return _Node(schema, self.definitions, self.path + step)


def _lost(released: _Node, new: _Node) -> Iterator[str]:
    """Properties that are no longer there."""
    present = new.properties()
    for name, field in released.properties().items():
        if name not in present:
            yield f"{field.path}: is gone"
        else:
            yield from _lost(field, present[name])
    for before in released.alternatives():
        for after in new.alternatives():
            if (inner := before.items()) is not None and (other := after.items()) is not None:
                yield from _lost(inner, other)


def _misfits(given: _Node, allowed: _Node) -> Iterator[str]:
    """Why a value of `given` may not be one of `allowed`."""
    for one in given.alternatives():
        reasons = [list(_misfits_of_one(one, other)) for other in allowed.alternatives()]
        if all(reasons):
            yield from min(reasons, key=len)


def _misfits_of_one(given: _Node, allowed: _Node) -> Iterator[str]:
    here, there = given.schema, allowed.schema
    kind, wanted = here.get("type"), there.get("type")
    if wanted is not None and kind != wanted and not (kind == "integer" and wanted in _NUMBERS):
        values = given.listed()
        if kind is not None or values is None:
            yield f"{given.path}: {kind or 'anything'} where {wanted} is expected"
            return
    if (only := allowed.listed()) is not None:
        values = given.listed()
        if values is None or not values <= only:
            more = "other values" if values is None else ", ".join(sorted(values - only))
            yield f"{given.path}: {more} beside {', '.join(sorted(only))}"
    yield from _beyond_bounds(given.path, here, there)
    for name in sorted(set(there.get("required", ())) - set(here.get("required", ()))):
        yield f"{given.path}.{name}: is required on one side only"
    allowed_properties = allowed.properties()
    for name, field in given.properties().items():
        if name in allowed_properties:
            yield from _misfits(field, allowed_properties[name])
    for inner, other in ((given.items(), allowed.items()), (given.values(), allowed.values())):
        if inner is not None and other is not None:
            yield from _misfits(inner, other)


def _beyond_bounds(path: str, here: Schema, there: Schema) -> Iterator[str]:
    for word in _LOWER:
        if word in there and here.get(word, float("-inf")) < there[word]:
            yield f"{path}: {word} {here.get(word, 'none')} where {there[word]} is expected"
    for word in _UPPER:
        if word in there and here.get(word, float("inf")) > there[word]:
            yield f"{path}: {word} {here.get(word, 'none')} where {there[word]} is expected"
    for word in _AS_IT_STANDS:
        if word in there and here.get(word) != there[word]:
            yield f"{path}: another `{word}`"
