"""The rules draft: golden packages for every outcome, with and without facts, scripts and superseded fixes.

`ESCALATION_UPDATE_GOLDEN=1 pytest tests/domain/writing/test_golden.py` writes them anew; read the diff first.
"""

import itertools
import os
from pathlib import Path

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.language.de import GERMAN
from consumer.domain.language.language import Language
from consumer.domain.review import gate, judging, shape, verdicts
from consumer.domain.review.violations import Evidence
from consumer.domain.writing import rules_draft
from schemas.sessions import FixStatus
from tests.domain import recorded
from tests.domain.writing.drafted import BY_LANGUAGE, session

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "packages"
UPDATE = os.environ.get("ESCALATION_UPDATE_GOLDEN") == "1"
FACTS = {"none": 0, "one": 1, "many": 5}
VARIANTS = list(itertools.product(FixStatus, FACTS, (False, True), (False, True)))
IN_GERMAN = [*itertools.product(FixStatus, ["many"], [True], [True]), (FixStatus.PROPOSED, "none", False, False),
             (FixStatus.DISMISSED, "one", False, False), (FixStatus.APPLIED_PENDING, "many", False, False)]  # fmt: skip
RECORDED = ("proposed-low-mail-delay-german", "success-firewall-pair", "12-untitled", "messy-notes", "partial-malware")
"""Recorded sessions that have a golden package in German."""


def assert_golden(bundle: Bundle, path: Path) -> None:
    rendered = gate.by_rules(bundle).rendered
    assert list(shape.check(bundle, rendered)) == []
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered.markdown, encoding="utf-8")
    assert rendered.markdown == path.read_text(encoding="utf-8")


def name_of(status: FixStatus, facts: str, scripts: bool, superseded: bool) -> str:
    return f"{status}-{facts}{'-scripts' if scripts else ''}{'-superseded' if superseded else ''}.md"


@pytest.mark.parametrize(("status", "facts", "scripts", "superseded"), VARIANTS)
def test_the_package_is_the_golden_one(status: FixStatus, facts: str, scripts: bool, superseded: bool) -> None:
    bundle = session(status, FACTS[facts], scripts=scripts, superseded=superseded)
    assert_golden(bundle, GOLDEN / name_of(status, facts, scripts, superseded))


@pytest.mark.parametrize(("status", "facts", "scripts", "superseded"), IN_GERMAN)
def test_the_german_package_is_the_golden_one(status: FixStatus, facts: str, scripts: bool, superseded: bool) -> None:
    bundle = session(status, FACTS[facts], scripts=scripts, superseded=superseded, language=GERMAN)
    assert_golden(bundle, GOLDEN / "de" / name_of(status, facts, scripts, superseded))


@pytest.mark.parametrize("name", RECORDED)
def test_the_german_package_of_a_recorded_session_is_the_golden_one(name: str) -> None:
    ((_, bundle),) = recorded.sessions(name, language=GERMAN)
    assert_golden(bundle, GOLDEN / "de" / f"{name}.md")


def test_no_golden_package_is_left_over() -> None:
    assert len(list(GOLDEN.glob("*.md"))) == len(VARIANTS)
    assert len(list((GOLDEN / "de").glob("*.md"))) == len(IN_GERMAN) + len(RECORDED)


@BY_LANGUAGE
@pytest.mark.parametrize(("status", "facts", "scripts", "superseded"), VARIANTS)
def test_a_rules_draft_keeps_the_rules_of_an_answer(
    status: FixStatus, facts: str, scripts: bool, superseded: bool, language: Language
) -> None:
    bundle = session(status, FACTS[facts], scripts=scripts, superseded=superseded, language=language)
    case, drafted = Evidence(bundle), rules_draft.draft_by_rules(bundle)
    violations = judging.violations_of(drafted, judging.shown_statements(drafted, case), case)
    assert [str(each) for each in violations if each.rule not in verdicts.QUOTES] == []
    assert [standing.check for standing in verdicts.of_rules(bundle, drafted, lambda text: text)
            if standing.standing is verdicts.CheckStanding.BROKEN] == []  # fmt: skip
