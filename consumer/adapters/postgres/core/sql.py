"""Named queries, read from `queries/*.sql`. Besides the migrations, all SQL stands there.

A query begins at a line `-- name: <name>`; the comment lines that follow belong to it. A part that later queries of the
same file share begins at a line `-- part: <name>`; a query includes it as `{{<name>}}`.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files

_HEAD = re.compile(r"^-- (name|part): (\w+)\s*$", re.MULTILINE)
_PART = re.compile(r"\{\{(\w+)\}\}")
_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)


class Queries:
    """The queries of `queries/<stem>.sql`, as attributes. Raises AttributeError for a name that is not there."""

    def __init__(self, stem: str) -> None:
        self._stem = stem
        self._texts = _read(stem)

    def __getattr__(self, name: str) -> str:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(f"queries/{self._stem}.sql has no query named {name}") from None

    def names(self) -> tuple[str, ...]:
        return tuple(self._texts)


@cache
def _read(stem: str) -> dict[str, str]:
    text = (files("consumer.adapters.postgres") / "queries" / f"{stem}.sql").read_text(encoding="utf-8")
    pieces = _HEAD.split(text)[1:]
    parts: dict[str, str] = {}
    queries: dict[str, str] = {}
    for kind, name, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        sql = _PART.sub(lambda match: parts[match[1]], body.strip().rstrip(";"))
        if kind == "part":
            parts[name] = _COMMENT.sub("", sql).strip()
        else:
            queries[name] = sql
    return queries


def columns(rows: Collection[Sequence[object]], width: int) -> list[list[object]]:
    """The rows' columns, in order, as the arrays that `unnest` takes. Without rows: `width` empty arrays."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
