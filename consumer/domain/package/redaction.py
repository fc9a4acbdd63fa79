"""Removes a value that has just become known as secret from packages and dead letters that were written before."""

import json
from hashlib import sha256

from pydantic import JsonValue, TypeAdapter

from consumer.domain.redaction import Sweeper
from consumer.domain.rendering import html
from consumer.domain.rendering.html import Block
from consumer.domain.writing.sections import BULLET
from schemas.packages import Section

_TEXTS = frozenset({"title", "markdown", "plain_text", "text", "excerpt"})
_LONGEST_TITLE = 100


def published(sweeper: Sweeper, text: str) -> str:
    """The JSON text of a package or a dead letter, with or without its envelope, swept of known secrets.

    Returns the same object if there was no secret in it. A package's digest is renewed with its markdown.
    """
    before: JsonValue = json.loads(text)
    after = _rewritten(sweeper, before)
    return text if after == before else json.dumps(after, ensure_ascii=False, separators=(",", ":"))


def content_sha256(text: str) -> str:
    """The digest of a package, from its JSON text without the envelope."""
    return str(json.loads(text)["content_sha256"])


def _rewritten(sweeper: Sweeper, value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_rewritten(sweeper, member) for member in value]
    if not isinstance(value, dict):
        return value
    clean = {name: _member(sweeper, name, member) for name, member in value.items()}
    markdown = clean.get("markdown")
    if isinstance(markdown, str) and "content_sha256" in clean:
        clean["content_sha256"] = sha256(markdown.encode()).hexdigest()
    if clean.get("html") and clean != value:
        clean["html"] = _html(clean["sections"])
    return clean


def _html(sections: JsonValue) -> str:
    """The fragment of the swept sections: in the old one a secret may stand in another spelling, escaped."""
    made = TypeAdapter(tuple[Section, ...]).validate_python(sections)
    return html.fragment(
        Block(each.heading, [line.text for line in each.lines], each.markdown.startswith(BULLET)) for each in made
    )


def _member(sweeper: Sweeper, name: str, value: JsonValue) -> JsonValue:
    if not isinstance(value, str):
        return _rewritten(sweeper, value)
    if name not in _TEXTS:
        return value
    return sweeper.text(value)[:_LONGEST_TITLE] if name == "title" else sweeper.text(value)
