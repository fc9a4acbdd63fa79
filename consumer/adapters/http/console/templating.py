"""The templates. Everything that they are given is escaped, and a name that they were not given is an error."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from consumer.adapters.http.console import links, telling
from consumer.adapters.http.console.assets import Assets

FOLDER = Path(__file__).parent / "templates"


class Templates:
    """Each template is compiled at its first use. `shared` are values for all of them."""

    def __init__(self, assets: Assets, shared: Mapping[str, object]) -> None:
        self._environment = environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {
            **shared,
            **{name: getattr(links, name) for name in dir(links) if name.endswith("_url") and name[0] != "_"},
            "static": assets.url,
        }
        environment.filters |= {
            "span": telling.say_span,
            "usd": telling.say_usd,
            "count": telling.say_count,
            "share": _share,
            "time": _time,
            "pretty": _pretty,
            "json_text": _json_text,
        }

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        return self._environment.get_template(name).render(values)


def _time(at: datetime | None) -> Markup:
    """An element that says the time in UTC; the script adds how long ago that was."""
    if at is None:
        return escape(telling.UNKNOWN)
    exact = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(exact, telling.say_time(at))


def _pretty(value: object) -> str:
    """A stored value as indented JSON, for people."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _json_text(text: str) -> str:
    """A stored JSON text, indented; as it is where it is none."""
    try:
        return _pretty(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _share(part: float | None) -> str:
    return telling.UNKNOWN if part is None else telling.say_share(part, 1)
