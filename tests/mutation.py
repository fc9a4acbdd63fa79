"""Switches off each rule of the validator, one at a time, and sees whether a test notices: `make mutate`.

It reads the rules from the real sources, not from a list: every entry of a table of rules, every kind of name, every
pattern, every finding that is yielded, every condition of a wording. A mutant is the source without one of them. A
child process puts it in the module's place and runs that module's tests until one is red. The run names each mutant
that no test notices, and fails.
"""

import ast
import contextlib
import importlib
import io
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOMAIN = "consumer.domain"
TESTS = {
    "review.checks": ("review.test_checks", "review.test_gate", "review.test_german"),
    "review.whole": ("review.test_checks", "review.test_gate", "review.test_german"),
    "review.leaving_out": ("review.test_gate",),
    "reader.findings": ("reader.test_reader",),
    "review.grounding": ("review.test_grounding", "review.test_equal_things", "review.test_checks"),
    "review.equal.moments": ("review.test_equal_things",),
    "review.equal.telephones": ("review.test_equal_things",),
    "review.equal.reckoning": ("review.test_equal_things",),
    "review.equal.amounts": ("review.test_equal_things",),
    "text.language": ("review.test_checks",),
    "text.names": ("review.test_grounding", "review.test_equal_things"),
    "writing.outcome_table": ("review.test_gate",),
    "text.quantities": ("review.test_grounding", "review.test_equal_things"),
    "review.gate": ("review.test_gate", "review.test_checks"),
    "review.shape": ("review.test_shape",),
    "review.spellings": ("review.test_german",),
}
"""The tests of each module, in `tests/domain`."""
TABLES = {"review.checks": ("STATEMENT_RULES",), "review.whole": ("WHOLE_RULES",), "review.shape": ("CHECKS",)}
RETURNS = {
    "review.grounding": {
        "_grounded": "True",
        "_otherwise": "True",
        "_coded": "True",
        "_number": "True",
    },
    "review.equal.telephones": {"is_part_of_one": "True", "are_of_one": "True"},
    "review.equal.reckoning": {"is_reckoned": "True", "_is_sum": "True", "_is_later": "True"},
    "review.equal.amounts": {"are_counted": "True"},
    "review.equal.moments": {
        "holds_times": "True",
        "holds_date": "True",
        "holds_figures": "True",
        "is_weekdays_day": "True",
    },
    "text.language": {"is_written_in": "True"},
    "writing.outcome_table": {"takes_up": "False"},
    "text.quantities": {"is_measured": "True", "is_between": "True", "is_without_unit": "True"},
}
"""Functions that decide by what they return, and what they return when they let everything pass."""
YIELDS = ("review.checks", "text.names", "review.shape")
CHAINS = {"writing.outcome_table": "takes_up"}
"""A conjunction, each part of which is a rule of its own."""
PATTERNS = ("review.checks", "review.whole", "text.names", "review.shape", "review.spellings")
DEAD_PATTERN = 're.compile("(?!)")'
META = (
    "not idle and not rule_off and not broken_by_an_answer and not slow and not raises and not any_text and not attack"
    " and not whatever_is_answered"
)
"""Left out: tests that switch rules off themselves, and those of all texts, which are slow and watch something else."""
EQUIVALENT = {
    "text.names: no _ORDINARY": "it only saves time",
    "text.names: no _SKIPPED_RUN": "it only saves time",
}
"""Mutants without a visible effect, and why."""


class Mutant(NamedTuple):
    """One thing switched off."""

    module: str
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}: {self.what}"


def mutants() -> Iterator[Mutant]:
    """All mutants, in the order of the modules."""
    for module in TESTS:
        source = (ROOT / "consumer" / "domain" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        for what, mutated in (
            *_without_entries(source, TABLES.get(module, ())),
            *_without_kinds(source, module),
            *_without_patterns(source, module),
            *_without_yields(source, module),
            *_with_other_returns(source, RETURNS.get(module, {})),
            *_without_links(source, CHAINS.get(module)),
            *_without_refusals(source, module),
        ):
            yield Mutant(module, what, mutated)


def _without_entries(source: str, tables: Sequence[str]) -> Iterator[tuple[str, str]]:
    for table in tables:
        for number in range(len(_entries(_assigned(ast.parse(source), table)))):
            tree = ast.parse(source)
            value = _assigned(tree, table)
            entry = ast.unparse(_entries(value)[number])
            if isinstance(value, ast.Dict):
                del value.keys[number], value.values[number]
            elif isinstance(value, ast.Tuple):
                del value.elts[number]
            yield f"{table} without {entry}", ast.unparse(tree)


def _assigned(tree: ast.Module, name: str) -> ast.expr:
    for node in tree.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.AnnAssign) and isinstance(target, ast.Name) and target.id == name and node.value:
            return node.value
    raise LookupError(name)


def _entries(value: ast.expr) -> list[ast.expr]:
    match value:
        case ast.Dict(keys=keys):
            return [key for key in keys if key is not None]
        case ast.Tuple(elts=elements):
            return elements
        case _:
            raise TypeError(ast.dump(value))


def _without_kinds(source: str, module: str) -> Iterator[tuple[str, str]]:
    if module == "text.names":
        for kind in re.findall(r"\(\?P<(\w+)>", source):
            yield f"no kind {kind}", source.replace(f"(?P<{kind}>", f"(?P<{kind}>(?!)", 1)


def _without_patterns(source: str, module: str) -> Iterator[tuple[str, str]]:
    if module not in PATTERNS:
        return
    tree = ast.parse(source)
    for number, node in enumerate(tree.body):
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("re.compile("):
            other = ast.parse(source)
            changed = other.body[number]
            assert isinstance(changed, ast.Assign)
            changed.value = ast.parse(DEAD_PATTERN, mode="eval").body
            yield f"no {ast.unparse(node.targets[0])}", ast.unparse(other)


def _without_yields(source: str, module: str) -> Iterator[tuple[str, str]]:
    if module not in YIELDS:
        return
    for number, node in enumerate(_yields(ast.parse(source))):
        tree = ast.parse(source)
        _yields(tree)[number].value = ast.parse("(yield from ())", mode="eval").body
        yield f"line {node.lineno} yields nothing", ast.unparse(tree)


def _yields(tree: ast.Module) -> list[ast.Expr]:
    expressions = (node for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return [node for node in expressions if isinstance(node.value, ast.Yield | ast.YieldFrom)]


def _with_other_returns(source: str, functions: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, lets_pass in functions.items():
        for number, node in enumerate(_returns(ast.parse(source), name)):
            tree = ast.parse(source)
            if node.value is None or ast.unparse(node.value) == lets_pass:
                continue
            _returns(tree, name)[number].value = ast.parse(lets_pass, mode="eval").body
            yield f"{name} returns {lets_pass} in line {node.lineno}", ast.unparse(tree)


def _returns(tree: ast.Module, function: str) -> list[ast.Return]:
    (body,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function)
    return [node for node in ast.walk(body) if isinstance(node, ast.Return)]


def _without_links(source: str, function: str | None) -> Iterator[tuple[str, str]]:
    if function is None:
        return
    for number, link in enumerate(_chain(ast.parse(source), function).values):
        tree = ast.parse(source)
        _chain(tree, function).values[number] = ast.Constant(value=True)
        yield f"{function} without `{ast.unparse(link)}`", ast.unparse(ast.fix_missing_locations(tree))


def _chain(tree: ast.Module, function: str) -> ast.BoolOp:
    (returned,) = _returns(tree, function)
    assert isinstance(returned.value, ast.BoolOp)
    return returned.value


def _without_refusals(source: str, module: str) -> Iterator[tuple[str, str]]:
    if module != "review.gate":
        return
    for number, node in enumerate(_refusals(ast.parse(source))):
        tree = ast.parse(source)
        _refusals(tree)[number].test = ast.Constant(value=False)
        yield f"`{ast.unparse(node.test)}` refuses nothing", ast.unparse(ast.fix_missing_locations(tree))


def _refusals(tree: ast.Module) -> list[ast.If]:
    branches = (node for node in ast.walk(tree) if isinstance(node, ast.If))
    return [node for node in branches if ast.unparse(node.body[0]).startswith("return Rejected")]


# a run


def _switch(mutant: Mutant) -> None:
    """Replaces the module, and what others have imported from it."""
    name = f"{DOMAIN}.{mutant.module}"
    module = sys.modules[name]
    before = dict(vars(module))
    exec(compile(mutant.source, str(module.__file__), "exec"), vars(module))
    renewed = {
        id(old): vars(module)[at]
        for at, old in before.items()
        if vars(module).get(at) is not old and not isinstance(old, str | int | None) and not at.startswith("__")
    }
    for other in list(sys.modules.values()):
        if other is not module and getattr(other, "__name__", "").startswith(("consumer.", "tests.")):
            for at, value in list(vars(other).items()):
                if id(value) in renewed:
                    setattr(other, at, renewed[id(value)])
                elif id(type(value)) in renewed:  # an older object gets the new class
                    object.__setattr__(value, "__class__", renewed[id(type(value))])


def noticed(wanted: Sequence[Mutant | None]) -> Iterator[tuple[Mutant | None, bool]]:
    """Yields each mutant and whether a test is red, as they end; None is the real code. One child per processor."""
    waiting, running = list(reversed(wanted)), dict[int, Mutant | None]()
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            mutant = waiting.pop()
            child = os.fork()
            if child == 0:
                os._exit(_run(mutant))
            running[child] = mutant
        ended, status = os.wait()
        mutant, code = running.pop(ended), os.waitstatus_to_exitcode(status)
        if code not in {0, 1}:
            raise RuntimeError(f"{mutant}: pytest ended with {code}")
        yield mutant, code == 1


def _run(mutant: Mutant | None) -> int:
    files = TESTS[mutant.module] if mutant else sorted({name for names in TESTS.values() for name in names})
    if mutant is not None:
        _switch(mutant)
    paths = [str(ROOT / "tests" / "domain" / f"{name.replace('.', '/')}.py") for name in files]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-k", META, "--rootdir", str(ROOT)]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # imported before the fork
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()):
        code = int(pytest.main([*options, *paths]))
    if code == pytest.ExitCode.INTERRUPTED:  # a test module that cannot be imported has noticed
        code = 1
    if mutant is None and code:
        _say(said.getvalue())
    return code


def main() -> int:
    began = time.monotonic()
    for name in {name for names in TESTS.values() for name in names}:
        importlib.import_module(f"tests.domain.{name}")
    if any(red for _, red in noticed([None])):
        _say("The tests are red without any mutant: mend that first.")
        return 1
    wanted = [mutant for mutant in mutants() if not sys.argv[1:] or any(word in str(mutant) for word in sys.argv[1:])]
    alive = 0
    for number, (mutant, red) in enumerate(noticed(wanted), start=1):
        if not red and str(mutant) not in EQUIVALENT:
            alive += 1
            _say(f"{number}/{len(wanted)}: nobody noticed {mutant}")
    _say(f"{len(wanted) - alive} of {len(wanted)} noticed, in {time.monotonic() - began:.0f} s.")
    return int(alive > 0)


def _say(text: str) -> None:
    sys.__stdout__.write(text + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.exit(main())
