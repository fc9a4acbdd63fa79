"""The fast path for the data of generated scripts. Templates repeat, so their stored form is cached by their bytes.

A template is cached only if the door changes nothing in it: then it holds no secret and is the same for every session.
"""

from functools import lru_cache
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Raw, Struct
from pydantic_core import to_json

from consumer.domain.arrival import door, storable
from consumer.domain.arrival.fast_data import Unusual
from consumer.domain.arrival.fast_types import text_bounds
from consumer.domain.arrival.limits import check_parameters, parse_member
from consumer.domain.redaction import Entries, Looks, Redactor, Scope, entries
from schemas.fields import Id
from schemas.sessions import Template

_LONGEST_TEMPLATE: Final = 8_192
"""The most bytes of a template that is cached."""
_MOST_TEMPLATES: Final = 512
_ABSENT: Final = b""
_LONGEST_PARAMETERS: Final = 16_384
"""The most bytes of parameters that are read here: what uses up the scope's looks is read twice."""
_ESCAPE: Final = b"\\u"
_LEVELS: Final = 2
"""Levels of nesting around a member of the data: the event and its data."""
_PROBE: Final = Redactor(b"only to see whether something is found")
"""Belongs to no session: it only shows whether the door changes a template."""


class _Script(Struct, forbid_unknown_fields=True, gc=False, kw_only=True):
    """The fields of `schemas.sessions.ScriptGenerated`. Only the id is checked here; the others stay bytes."""

    generation_id: Annotated[str, text_bounds(Id)]
    template: Raw = Raw(_ABSENT)
    parameters_used: Raw


class _Kept(NamedTuple):
    """A template in the cache."""

    member: bytes
    """The template as it is stored, with its name and a comma."""
    entries: Entries
    looks: Looks
    """What is left of them after the template."""


_script = msgspec.json.Decoder(_Script).decode
_write = msgspec.json.Encoder().encode


def text_of(data: Raw, scope: Scope) -> str:
    """The text that is stored of a script's data. The scope collects its secrets. The data holds no U+0000.

    Raises ValueError, RecursionError or Unacceptable for data that its model has to read.
    """
    script = _script(data)
    kept = _kept(bytes(script.template))
    raw = bytes(script.parameters_used)
    if len(raw) > _LONGEST_PARAMETERS:
        raise Unusual
    scope.looks.count_in(kept.looks)
    used = parse_member(raw, levels=_LEVELS)
    if not isinstance(used, dict):
        raise Unusual
    check_parameters({"parameters_used": used})
    if _ESCAPE in raw:
        used = storable.storable_json(used)
    clean = to_json(scope.parameters_by(kept.entries, used))
    if scope.looks.are_used_up:
        raise Unusual
    text = b'{"generation_id":%b,%b"parameters_used":%b}' % (_write(script.generation_id), kept.member, clean)
    return text.decode()


@lru_cache(_MOST_TEMPLATES)
def _kept(raw: bytes) -> _Kept:
    """Raises Unusual for a template that is too long or that the door changes; the cache keeps not even its bytes."""
    scope = _PROBE.scope("", "")
    if raw == _ABSENT:
        return _Kept(b"", entries(None), scope.looks)
    if len(raw) > _LONGEST_TEMPLATE:
        raise Unusual
    template = parse_member(raw, levels=_LEVELS)
    data = {"template": template}
    if door.redacted_data(scope, data) != data:
        raise Unusual
    if template is None:
        return _Kept(b'"template":null,', entries(None), scope.looks)
    checked = Template.model_validate(template)
    text = Template.__pydantic_serializer__.to_json(checked, exclude_unset=True)
    return _Kept(b'"template":%b,' % text, entries(checked.parameters_schema), scope.looks)
