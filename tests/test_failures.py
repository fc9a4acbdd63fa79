"""The catalogue of promises, failures and mutants is complete and up to date."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.copy import CheckoutCopy
from tests.mutants.mutant import ROOT, GuardMutant, mutants
from tests.mutants.trial import Trials, Verdict, kills_servers
from tests.support import failures

ADDING = """
def add(a: int, b: int) -> int:
    return a + b
"""
TRYING = """
from summing import add

def test_sum() -> None:
    assert add(2, 2) == 4

def test_nothing() -> None:
    add(2, 2)
"""


def test_every_promise_and_failure_has_a_test_and_a_mutant() -> None:
    marked, by_row = failures.marked(), failures.mutants_by_row()
    assert len(failures.PROMISES) == 12
    assert set(range(1, 42)) <= {int(row.removeprefix("F")) for row in failures.FAILURES}
    assert marked.keys() == failures.CATALOGUE.keys()
    assert by_row.keys() == failures.CATALOGUE.keys()


def test_the_table_is_up_to_date() -> None:
    """`python -m tests.support.failures` writes it."""
    assert failures.TABLE.read_text(encoding="utf-8") == failures.written()


def test_each_guard_stands_once_in_its_file_and_each_mutant_can_be_read_and_has_a_test_that_is_there() -> None:
    for mutant in mutants().values():
        text = _source(mutant.file)
        assert text.count(mutant.guard) == 1, f"{mutant.name}: the code has changed, look what guards now"
        if mutant.file.endswith(".py"):
            compile(mutant.in_place(text), mutant.name, "exec", ast.PyCF_ONLY_AST)
        path, *names = mutant.test.partition("[")[0].split("::")
        assert ".".join(names) in _tests_in(path), mutant.name


@cache
def _source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def _tests_in(path: str) -> frozenset[str]:
    return frozenset(_tests(ast.parse(_source(path)).body))


def _tests(body: list[ast.stmt], around: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _tests(node.body, f"{around}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield around + node.name


def test_who_kills_servers_is_known() -> None:
    """By the mark of the test, of its class or of its module."""
    marked = "@pytest.mark.kills_servers\n"
    assert kills_servers(f"{marked}def test_it(): ...", ["test_it"])
    assert kills_servers(f"class TestThem:\n    {marked}    def test_it(self): ...", ["TestThem", "test_it"])
    assert kills_servers("pytestmark = pytest.mark.kills_servers\ndef test_it(): ...", ["test_it"])
    assert not kills_servers(f"{marked}def test_it(): ...\ndef test_other(): ...", ["test_other"])


@pytest.mark.parametrize(
    ("instead", "test", "verdict"),
    [
        ("a - b", "test_sum", Verdict.NOTICED),
        ("a - b", "test_nothing", Verdict.ALIVE),
        ("a - c", "test_sum", Verdict.UNPROVEN),
        ("a -", "test_sum", Verdict.UNPROVEN),
    ],
    ids=["wrong", "wrong where nobody looks", "falls", "cannot be read"],
)
def test_only_an_assertion_notices_a_mutant(tmp_path: Path, instead: str, test: str, verdict: Verdict) -> None:
    (tmp_path / "summing.py").write_text(ADDING, encoding="utf-8")
    (tmp_path / "test_summing.py").write_text(TRYING, encoding="utf-8")
    mutant = GuardMutant(
        name="m", of=("P1",), file="summing.py", guard="a + b", instead=instead, test=f"test_summing.py::{test}", why=""
    )
    outcome = Trials(CheckoutCopy(tmp_path), {}).of(mutant)
    assert outcome.verdict is verdict, outcome.said
    assert (tmp_path / "summing.py").read_text(encoding="utf-8") == ADDING
