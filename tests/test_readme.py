"""README.md and docs/ are true: parts are generated; tests, commands, settings and files they name exist; links lead
somewhere."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.adapters.postgres.core import rights
from consumer.cli import settings_table
from consumer.flows.operation.meters import Meter
from tests.support import readme

ROOT = readme.ROOT
HERE = [readme.README, *sorted(readme.DOCS.glob("*.md"))]
"""The pages whose words are checked."""
PAGES = sorted(
    {
        *HERE,
        *ROOT.glob("*.md"),
        *(ROOT / name for name in ("schemas/README.md", "consumer/DESIGN.md", "tests/FAILURES.md")),
    }
)
"""The pages whose links are checked."""
OF_THE_TESTS = {"ESCALATION_TEST_SERVERS"}
"""Variables that are no settings of the service."""
EVERYWHERE = {"--help", "--version"}


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The anchors that code hosts make of a page's headings."""
    outside = re.sub(r"^```.*?^```", "", text(page), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def calls(page: Path) -> Iterator[list[str]]:
    """The words of each call of the program, in code blocks and in code within a line."""
    blocks = re.findall(r"^```\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text(page), flags=re.DOTALL | re.MULTILINE))
    for line in [*spans, *(line for block in blocks for line in block.splitlines())]:
        if called := re.match(r"(?:[\w./]+/|\w+=\w+ )?escalation-consumer ([a-z].*)", line):
            yield shlex.split(called[1].partition(" <<")[0], comments=True)


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", readme.parts(), ids=ids)
def test_what_is_generated_is_up_to_date(page: Path) -> None:
    assert readme.written(page) == text(page), "run `python -m tests.support.readme`"


def test_a_newcomer_can_read_it_in_one_sitting_and_finds_every_page() -> None:
    lines = text(readme.README).splitlines()
    assert len(lines) <= 200
    assert [page.name for page in HERE[1:] if f"](docs/{page.name})" not in text(readme.README)] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text(page))
    for target, anchor in links:
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), f"{target}#{anchor}"


def test_links_and_anchors_are_seen() -> None:
    assert sum(len(re.findall(r"\]\([^)]*#", text(page))) for page in PAGES) > 20
    assert "tenants-model-language-money-footer" in anchors(readme.DOCS / "operations.md")


def test_every_guarantee_names_a_test_that_exists() -> None:
    guarantees = text(readme.DOCS / "guarantees.md").partition("\n## ")[0]
    rows = [line for line in guarantees.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 40
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for path, function in named:
            assert (ROOT / path).is_file(), path
            if function:
                assert re.search(rf"^(?:async )?def {function}\(", (ROOT / path).read_text(), re.MULTILINE), function


@pytest.mark.parametrize("page", HERE, ids=ids)
def test_every_file_make_target_and_module_that_it_names_exists(page: Path) -> None:
    files = re.findall(r"`((?:tests|consumer|schemas|docs)/[\w./-]+)`", text(page))
    assert [name for name in files if not (ROOT / name).exists()] == []
    modules = re.findall(r"python -m ((?:tests|schemas)[\w.]+)", text(page))
    assert [name for name in modules if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", text(page), re.MULTILINE))
    assert [name for name in sorted(targets) if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("page", HERE, ids=ids)
def test_every_command_and_option_that_it_names_exists(page: Path) -> None:
    known = readme.commands()
    for words in calls(page):
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), None)
        assert name or words[0] in {each.split()[0] for each in known}, words
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        spelt = {option for parameter in known[name].params for option in parameter.opts} if name else set()
        assert options <= spelt | EVERYWHERE, words


def test_calls_of_the_program_are_seen() -> None:
    seen = [words for page in HERE for words in calls(page)]
    assert len(seen) > 40
    assert ["replay", "apply", "PLAN", "--publish", "--rate", "60"] in seen


@pytest.mark.parametrize("page", HERE, ids=ids)
def test_every_variable_and_metric_that_it_names_exists(page: Path) -> None:
    variables = {row.variable for row in settings_table.setting_rows()} | OF_THE_TESTS
    assert set(re.findall(r"\bESCALATION_[A-Z_]+[A-Z]\b", text(page))) <= variables
    names = {meter.value.name for meter in Meter} | {rights.OWNER_ROLE, rights.SERVICE_ROLE, rights.READER_ROLE}
    assert set(re.findall(r"`(escalation_[a-z_]+)`", text(page))) <= names


def test_the_price_of_a_package_is_what_the_command_says(tmp_path: Path) -> None:
    """The README's own command; without earlier answers, which would make the estimate a measured one."""
    (named,) = re.findall(r"`ANTHROPIC_API_KEY=any escalation-consumer ([^`]+)`", text(readme.README))
    done = subprocess.run(
        [sys.executable, "-m", "consumer", *named.split(), "--answers", str(tmp_path / "none.jsonl")],
        cwd=ROOT,
        env={**os.environ, "ANTHROPIC_API_KEY": "any"},
        capture_output=True,
        text=True,
        check=True,
    )
    sentence = " ".join(done.stdout.split())
    assert f"`{sentence}`" in text(readme.README)
    count, dollars = re.findall(r"^(\d+) of .* about \$([\d.]+),", sentence)[0]
    assert f"About {100 * float(dollars) / int(count):.1f} cents a package" in text(readme.README)
