"""The catalogue of failures: what can go wrong, what the service does about it, and the tests that show it.

`failures.toml` holds the first two. A test says with `@pytest.mark.failure(number)` which failures it shows.
`python -m tests.support.failures` writes FAILURES.md from both.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
TABLE = _TESTS / "FAILURES.md"

_FAILURES = tomllib.loads((_TESTS / "failures.toml").read_text(encoding="utf-8"))
CATALOGUE = {int(number): (entry["failure"], entry["defence"]) for number, entry in _FAILURES.items()}
"""Number, failure, defence."""


def shown() -> dict[int, list[str]]:
    """The tests by the failure that they show, each as pytest names it."""
    tests: dict[int, list[str]] = defaultdict(list)
    for path in sorted(_TESTS.rglob("test_*.py")):
        for name, numbers in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            for number in numbers:
                tests[number].append(f"{path.relative_to(_TESTS.parent)}::{name}")
    return tests


def _marked(module: ast.Module) -> Iterator[tuple[str, list[int]]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            numbers = [number for decorator in node.decorator_list for number in _numbers(decorator)]
            if numbers:
                yield node.name, numbers


def _numbers(decorator: ast.expr) -> list[int]:
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.failure":
        return [int(ast.literal_eval(argument)) for argument in decorator.args]
    return []


def written() -> str:
    """The whole of FAILURES.md."""
    tests = shown()
    rows = [
        f"| {number} | {failure} | {defence} | {'<br>'.join(f'`{test}`' for test in tests[number])} |"
        for number, (failure, defence) in CATALOGUE.items()
    ]
    return "\n".join(
        [
            "# What can go wrong, and what shows that it does no harm",
            "",
            "Written by `python -m tests.support.failures` from the tests.",
            "",
            "| | failure | defence | tests |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    TABLE.write_text(written(), encoding="utf-8")
