"""A plugin for pytest that writes down how each test ended: `-p tests.mutants.witness --witness FILE`."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, settings

_OWN = (AssertionError, TimeoutError)
"""What a test raises itself: `assert`, and a wait that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """How a phase of a test ended that did not pass."""

    __test__ = False

    test: str
    phase: str
    skipped: bool
    by_assertion: bool
    error: str
    """The class of the error."""
    said: str
    """Its first line."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--witness", type=Path, help="the file that takes one line of JSON for each phase that failed")


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """A mutant needs no smallest example, and to look for it takes minutes."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    settings.register_profile("without_shrinking", settings(phases=phases))
    settings.load_profile("without_shrinking")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if error is not None:
        lines = str(error).strip().splitlines()
        line = {
            "test": item.nodeid,
            "phase": call.when,
            "skipped": report.skipped,
            "by_assertion": _is_own(error),
            "error": type(error).__name__,
            "said": lines[0][:300] if lines else "",
        }
        with item.config.getoption("--witness").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return report


def _is_own(error: BaseException) -> bool:
    """Whether an assertion of the test failed; of a group, whether any did."""
    if isinstance(error, BaseExceptionGroup):
        return any(_is_own(part) for part in error.exceptions)
    if isinstance(error, ValueError) and "values to unpack" in str(error):
        return True  # `(row,) = …` asserts that there is one
    return isinstance(error, (*_OWN, pytest.fail.Exception))
