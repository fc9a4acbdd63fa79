"""Every line that the service logs, as its source has it. `python -m tests.support.log_lines` writes docs/logs.md."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consumer.log_events import LOG_EVENTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "logs.md"
_LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "error", "debug": "debug"}
_OF_STRUCTLOG = {"event_name", "exc_info"}
_HEAD = """\
# What the service logs

One JSON object a line, on standard error. `message` is a constant sentence and comes first, then `level`, `timestamp`
and `event`, whose name never changes its meaning. Lines about a piece of work carry `tenant`, `session` and `request`;
those about a record `topic`, `partition` and `offset`. No line holds a payload, a prompt or a secret.

This page is generated (`python -m tests.support.log_lines`), and a test compares it with the source.

| event | level | message | fields | what to do |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One call of a logger."""

    event: str
    level: str
    message: str
    fields: tuple[str, ...]


def lines_of(source: str) -> Iterator[LogLine]:
    """The lines that this source logs. A call without a constant sentence or event gives the word `?`."""
    tree = _tree(source)
    bound = _bound_to_event_log(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id in {"log", "event_log"}):
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        fields = tuple(name for name in named if name not in _OF_STRUCTLOG)
        if node.func.value.id == "event_log":
            fields = (*fields, *bound)
        messages = _constants(node.args[0]) if node.args else ["?"]
        events = _constants(named["event_name"]) if "event_name" in named else ["?"]
        for event, message in zip(events, messages, strict=True):
            yield LogLine(event, _LEVELS[node.func.attr], message, fields)


def all_lines() -> list[LogLine]:
    """Of the whole package, each once."""
    sources = (path.read_text(encoding="utf-8") for path in sorted((ROOT / "consumer").rglob("*.py")))
    return sorted({line for source in sources for line in lines_of(source)})


def page() -> str:
    """docs/logs.md."""
    rows = [
        f"| `{line.event}` | {line.level} | {line.message} | {', '.join(f'`{name}`' for name in line.fields)} "
        f"| {LOG_EVENTS.get(line.event, '?')} |"
        for line in sorted(all_lines(), key=lambda line: (list(LOG_EVENTS).index(line.event), line))
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _bound_to_event_log(tree: ast.Module) -> list[str]:
    """The fields that a source binds once, as `event_log = log.bind(…)`."""
    return [
        keyword.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.targets[0], ast.Name) and node.targets[0].id == "event_log"
        for keyword in node.value.keywords
        if keyword.arg
    ]


def _constants(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=otherwise):
            return [*_constants(body), *_constants(otherwise)]
        case _:
            return ["?"]


def _tree(source: str) -> ast.Module:
    """Hazard: as in `tests/test_house.py`, garbage is not collected while a source is parsed."""
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
