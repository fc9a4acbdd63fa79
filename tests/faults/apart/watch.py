"""Sees each named query that the service runs in this process, and whether it returns what nobody may see now."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import pytest

from consumer.adapters.postgres.core.connecting import StoreConnection
from consumer.adapters.postgres.core.sql import Queries

_METHODS = ("fetch", "fetchrow", "fetchval", "execute")


def named_queries() -> dict[str, str]:
    """The text of each query, by `file.name`."""
    folder = files("consumer.adapters.postgres") / "queries"
    stems = sorted(path.name.removesuffix(".sql") for path in folder.iterdir() if path.name.endswith(".sql"))
    return {f"{stem}.{name}": getattr(Queries(stem), name) for stem in stems for name in Queries(stem).names()}


@dataclass(slots=True)
class QueryWatch:
    """`ran` are the names of the queries that ran, `leaks` those that returned the `forbidden` word."""

    ran: set[str] = field(default_factory=set)
    leaks: set[str] = field(default_factory=set)
    forbidden: str | None = None

    def allow(self) -> None:
        """From now on nothing is forbidden."""
        self.forbidden = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        names: dict[str, set[str]] = {}
        for name, text in named_queries().items():
            names.setdefault(text, set()).add(name)

        def watched(method: Any) -> Any:
            async def seen(connection: Any, query: str, *arguments: Any, **options: Any) -> Any:
                result = await method(connection, query, *arguments, **options)
                self.ran |= names.get(query, set())
                if self.forbidden is not None and self.forbidden in _shown(result):
                    self.leaks |= names.get(query, {query[:60]})
                return result

            return seen

        with pytest.MonkeyPatch.context() as patch:
            for method in _METHODS:
                patch.setattr(StoreConnection, method, watched(getattr(StoreConnection, method)))
            yield


def _shown(result: Any) -> str:
    if isinstance(result, list):
        return "\n".join(map(_shown, result))
    if hasattr(result, "values"):
        return "\n".join(map(_shown, result.values()))
    return result.decode(errors="replace") if isinstance(result, bytes) else str(result)
