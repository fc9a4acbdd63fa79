"""What is promised and what can go wrong: what the service does about it, the tests that show it, and their mutants.

`promises.toml` and `failures.toml` hold the first two. A test says with `@pytest.mark.promise(number)` and
`@pytest.mark.failure(number)` what it shows; `tests/mutants` says which guarding text is switched off, and which test
must notice. `python -m tests.support.failures` writes FAILURES.md from all of these.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.mutants.mutant import GuardMutant, mutants

_TESTS = Path(__file__).resolve().parents[1]
TABLE = _TESTS / "FAILURES.md"
_KINDS = {"promise": "P", "failure": "F"}


def _catalogue(kind: str) -> dict[str, tuple[str, str]]:
    entries = tomllib.loads((_TESTS / f"{kind}s.toml").read_text(encoding="utf-8"))
    return {f"{_KINDS[kind]}{number}": (entry[kind], entry["defence"]) for number, entry in entries.items()}


PROMISES = _catalogue("promise")
FAILURES = _catalogue("failure")
CATALOGUE = {**PROMISES, **FAILURES}
"""Number (`P1`, `F1`), promise or failure, defence."""


def marked() -> dict[str, list[str]]:
    """The tests by the promise or failure that they are marked with, each as pytest names it."""
    tests: dict[str, list[str]] = defaultdict(list)
    for path in sorted(_TESTS.rglob("test_*.py")):
        for name, rows in _marks(ast.parse(path.read_text(encoding="utf-8")).body):
            for row in rows:
                tests[row].append(f"{path.relative_to(_TESTS.parent)}::{name}")
    return tests


def _marks(body: list[ast.stmt], around: str = "") -> Iterator[tuple[str, list[str]]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _marks(node.body, f"{node.name}::")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            rows = [row for decorator in node.decorator_list for row in _rows(decorator)]
            if rows:
                yield around + node.name, rows


def _rows(decorator: ast.expr) -> list[str]:
    if not isinstance(decorator, ast.Call):
        return []
    kind = _KINDS.get(ast.unparse(decorator.func).removeprefix("pytest.mark."))
    return [f"{kind}{ast.literal_eval(argument)}" for argument in decorator.args] if kind else []


def mutants_by_row() -> dict[str, list[GuardMutant]]:
    by_row: dict[str, list[GuardMutant]] = defaultdict(list)
    for mutant in mutants().values():
        for row in mutant.of:
            by_row[row].append(mutant)
    return by_row


def _table(what: str, rows: Mapping[str, tuple[str, str]]) -> list[str]:
    tests, by_row = marked(), mutants_by_row()
    lines = [f"| | {what} | defence | tests | mutants |", "| --- | --- | --- | --- | --- |"]
    for row, (said, defence) in rows.items():
        shown = "<br>".join(f"`{test}`" for test in tests[row])
        off = "<br>".join(f"`{mutant.name}`" for mutant in by_row[row])
        lines.append(f"| {row} | {said} | {defence} | {shown} | {off} |")
    return lines


def written() -> str:
    """The whole of FAILURES.md."""
    off = [
        f"| `{mutant.name}` | `{mutant.file}` | {' '.join(mutant.of)} | {mutant.why} | `{mutant.test}` |"
        for mutant in mutants().values()
    ]
    return "\n".join(
        [
            "# What is promised, what can go wrong, and what shows it",
            "",
            "Written by `python -m tests.support.failures` from the tests.",
            "A mutant is the service without one of its guarding texts.",
            "`make mutate-promises` puts each in place, and fails when its test does not notice.",
            "",
            "## Promises",
            "",
            *_table("promise", PROMISES),
            "",
            "## Failures",
            "",
            *_table("failure", FAILURES),
            "",
            "## Mutants",
            "",
            "| mutant | a guard in | of | what happens without it | the test that notices |",
            "| --- | --- | --- | --- | --- |",
            *off,
            "",
        ]
    )


if __name__ == "__main__":
    TABLE.write_text(written(), encoding="utf-8")
