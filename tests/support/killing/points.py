"""Every point at which the service's flows may be suspended, found in the code: `await`, `async for`, `async with`.

The line: all modules of `consumer.flows` and of the adapters whose servers they call belong, a new one too. Left out
are those that only read for people and probes, and those of `prepare`, which has kill tests of its own.
"""

import ast
import builtins
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
INSIDE = (
    "consumer.flows",
    "consumer.adapters.anthropic",
    "consumer.adapters.kafka",
    "consumer.adapters.postgres",
    "consumer.adapters.redis",
)
OUTSIDE = {
    "consumer.flows.operation": "health, metrics and the guard of the loops: they write nothing",
    "consumer.flows.viewing": "reads for people",
    "consumer.flows.drafting.trial": "`draft` and `evaluate`, which store and publish nothing",
    "consumer.flows.replay.comparing": "`replay diff`, which stores and publishes nothing",
    "consumer.flows.redrive.previewing": "what a job would do; nothing is stored",
    "consumer.adapters.anthropic.checkup": "`doctor`, which only asks",
    "consumer.adapters.kafka.checkup": "`doctor`, which only asks",
    "consumer.adapters.kafka.asking": "how `doctor` asks",
    "consumer.adapters.kafka.admin": "`prepare`; see test_migrations",
    "consumer.adapters.kafka.writing": "the commands `load`, `tenant set` and `feedback`, a producer each",
    "consumer.adapters.kafka.offsets": "`rewind`, while no service runs",
    "consumer.adapters.postgres.core.migrate": "`prepare`; see test_migrations",
    "consumer.adapters.postgres.operation": "reads for health, metrics, the door and `doctor`",
    "consumer.adapters.postgres.viewing": "reads for people",
    "consumer.adapters.redis.checkup": "`doctor`, which only asks",
}
"""Modules and packages that are left out, and why."""


class Moment(IntEnum):
    """When a process dies at a point."""

    BEFORE = 0
    """Nothing of it has begun."""
    DURING = 1
    """It waits for the first time: what it asks for is sent, the answer is not there."""
    AFTER = 2
    """It has its answer, and nothing was made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place in the code. Its name lasts while lines come and go around it."""

    module: str
    function: str
    what: str
    number: int
    """Of equal ones in a function: 1, 2, …"""
    line: int

    @property
    def name(self) -> str:
        again = f" #{self.number}" if self.number > 1 else ""
        return f"{self.module.removeprefix('consumer.')}:{self.function}: {self.what}{again}"

    @property
    def is_border(self) -> bool:
        """Whether it is the beginning or the end of a context."""
        return self.what.startswith(("enter ", "exit "))


@cache
def all_points() -> tuple[Point, ...]:
    """In the order of modules and lines. A point's index here is its number in `page`."""
    return tuple(point for _, module in _modules() for point in module.points)


@cache
def _modules() -> tuple[tuple[str, "Watched"], ...]:
    first, modules = 0, []
    for name, path in _sources():
        watched = Watched(name, path.read_text(encoding="utf-8"), first)
        first += len(watched.points)
        modules.append((name, watched))
    return tuple(modules)


def _sources() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "consumer").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if _is_within(name, INSIDE) and not _is_within(name, OUTSIDE):
            yield name, path


def _is_within(name: str, packages: "Sequence[str] | dict[str, str]") -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


class Watched:
    """A module, its points, and its code with a call around what each of them waits for."""

    def __init__(self, module: str, source: str, first: int) -> None:
        """The points are numbered from `first` on."""
        finder = _Points(module, first)
        self.tree: ast.Module = ast.fix_missing_locations(finder.visit(ast.parse(source)))
        self.points: Sequence[Point] = finder.points


class _Points(ast.NodeTransformer):
    def __init__(self, module: str, first: int) -> None:
        self.points: list[Point] = []
        self._module = module
        self._first = first
        self._scopes: list[str] = []
        self._known: Counter[tuple[str, str]] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._scope(node, node.name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._scope(node, node.name)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._scope(node, node.name)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        node.value = self._around("watched_await", node.value, "await")
        self.generic_visit(node.value)
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        node.iter = self._around("watched_for", node.iter, "async for")
        self.generic_visit(node)
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        for item in node.items:
            if ast.unparse(item.context_expr).startswith("asyncio.timeout"):
                continue  # it never waits
            item.context_expr = self._around("watched_with", item.context_expr, "enter", "exit")
        self.generic_visit(node)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        if node.is_async:
            node.iter = self._around("watched_for", node.iter, "async for")
        self.generic_visit(node)
        return node

    def _scope(self, node: ast.AST, name: str) -> ast.AST:
        self._scopes.append(name)
        self.generic_visit(node)
        self._scopes.pop()
        return node

    def _around(self, call: str, waited_for: ast.expr, *kinds: str) -> ast.expr:
        index = self._first + len(self.points)
        function, source = ".".join(self._scopes), " ".join(ast.unparse(waited_for).split())
        for kind in kinds:
            what = f"{kind} {source[:60]}"
            self._known[function, what] += 1
            self.points.append(
                Point(
                    module=self._module,
                    function=function,
                    what=what,
                    number=self._known[function, what],
                    line=waited_for.lineno,
                )
            )
        name = ast.Name(id=call, ctx=ast.Load())
        return ast.copy_location(ast.Call(func=name, args=[ast.Constant(index), waited_for], keywords=[]), waited_for)


class _Loader(SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override] # noqa: ARG002
        watched = dict(_modules())[self.name]
        made: CodeType = compile(watched.tree, path, "exec", dont_inherit=True)
        return made

    def get_code(self, fullname: str) -> CodeType:
        """Never from a cache of compiled files, nor into one."""
        return self.source_to_code(None, self.get_filename(fullname))


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _is_within(fullname, INSIDE) or _is_within(fullname, OUTSIDE):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin)
        return spec


def watch(**calls: Any) -> None:
    """From now on modules are imported with these calls around what their points wait for."""
    loaded = [name for name in sys.modules if _is_within(name, INSIDE)]
    assert not loaded, f"imported already: {loaded[:3]}"
    for name, call in calls.items():
        setattr(builtins, name, call)
    sys.meta_path.insert(0, _Finder())
