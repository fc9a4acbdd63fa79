"""Licences, advisories and the bill of materials, as far as they go without a network."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.supply import audit, bill, licences, locks
from tests.support.compose import ROOT

POLICY = licences.LicencePolicy.read()
AUDITED = pytest.mark.skipif(not audit.PROGRAM.exists(), reason="no .venv-audit: make sbom")
EMPTY_BILL: dict[str, Any] = {"components": [], "metadata": {"component": {"name": locks.PROJECT, "bom-ref": "root"}}}


@pytest.mark.parametrize("lock", locks.LOCKS)
def test_every_locked_package_has_an_allowed_licence(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert len(locks.packages(lock)) == sum("==" in line for line in text.splitlines()) > 50, "a line is not understood"
    assert list(licences.breaches(lock, POLICY)) == []


def test_a_licence_that_is_not_allowed_is_named() -> None:
    strict = licences.LicencePolicy(allowed=POLICY.allowed, names=POLICY.names, exceptions={})
    lines = list(licences.breaches(locks.RUN, strict))
    assert [line.split()[1] for line in lines] == ["certifi", "pathspec"]
    assert all(line.endswith("MPL-2.0") for line in lines)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("(GPL-3.0-only OR MIT) AND MIT", False),  # brackets are not read: such a package needs an exception
        ("none is stated", False),
        ("MPL-2.0", False),
    ],
)
def test_of_a_choice_one_side_is_enough(expression: str, allowed: bool) -> None:
    assert POLICY.allows("anything", expression) is allowed


def test_every_exception_is_of_a_package_that_is_locked_and_has_that_licence() -> None:
    locked = {package.name for package in locks.packages("requirements.lock")}
    assert set(POLICY.exceptions) <= locked
    assert {name: POLICY.expression(name) for name in POLICY.exceptions} == POLICY.exceptions


def test_the_image_keeps_nothing_that_only_building_needs() -> None:
    environment = locks.image_environment()
    running = _all_needs(locks.PROJECT, environment)
    building = {"hatchling"} | _all_needs("hatchling", environment)
    assert locks.taken_out() == (building - running) | {"pip"}
    assert {package.name for package in locks.image_packages()} == running
    assert {"hatchling", "pip", "colorama"}.isdisjoint(running)


def test_locking_again_leaves_the_image_what_it_has() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlock:")[2].partition("\nclean:")[0]
    line = next(line for line in recipe.splitlines() if locks.RUN in line)
    assert set(re.findall(r"--extra (\w+)", line)) == {"build", *locks.EXTRAS.values()}


def test_the_bill_names_licences_and_what_needs_what() -> None:
    components = [{"name": package.name, "bom-ref": package.name} for package in locks.image_packages()]
    whole = bill.completed({**EMPTY_BILL, "components": components})
    needs = {entry["ref"]: entry["dependsOn"] for entry in whole["dependencies"]}
    assert {"aiokafka", "asyncpg", "anthropic"} <= set(needs["root"])
    assert needs["jinja2"] == ["markupsafe"]
    licences_named = {component["name"]: component["licenses"] for component in whole["components"]}
    assert licences_named["certifi"] == [{"license": {"id": "MPL-2.0"}}]
    assert licences_named["aiohttp"] == [{"expression": "Apache-2.0 AND MIT"}]


@AUDITED
def test_the_command_lines_are_ones_that_the_programs_know() -> None:
    """An unknown option ends both programs with a message of its parser."""
    for command in ([*bill.command(), "--help"], [*audit.command(locks.RUN, "pypi"), "--help"]):
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


@AUDITED
@pytest.mark.long
def test_the_bill_is_valid_and_the_same_each_time(tmp_path: Path) -> None:
    bill.main(tmp_path / "bill.json")
    text = (tmp_path / "bill.json").read_text(encoding="utf-8")
    assert text == bill.make()
    whole = json.loads(text)
    assert {component["name"] for component in whole["components"]} == _all_needs(
        locks.PROJECT, locks.image_environment()
    )
    assert whole["metadata"]["component"]["version"] == metadata.version(locks.PROJECT)


@AUDITED
@pytest.mark.long
def test_an_audit_without_a_network_is_no_pass(tmp_path: Path) -> None:
    dead = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    (tmp_path / "small.lock").write_text(locks.packages(locks.RUN)[0].lines, encoding="utf-8")
    program = [sys.executable, "-m", "tests.supply.audit", str(tmp_path / "small.lock")]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=ROOT, env=dead)
    assert done.returncode == 1
    assert "could not be read" in done.stdout
    assert "HTTPS_PROXY" in done.stdout


def test_what_could_not_be_asked_for_is_no_pass() -> None:
    report = {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]},
            {"name": "b", "version": "1", "vulns": []},
            {"name": "c", "skip_reason": "not known there"},
        ]
    }
    assert audit.findings(report) == (["a 1: X-1, mended in ['2']"], ["c: not known there"])


def _all_needs(name: str, environment: dict[str, str]) -> set[str]:
    reached: set[str] = set()
    ahead = [name]
    while ahead:
        for other in locks.needs(ahead.pop(), environment) - reached:
            reached.add(other)
            ahead.append(other)
    return reached
