"""The text of a package on realistic sessions: by rules on all of them, by good answers on some."""

import json
from typing import Any

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.language.de import GERMAN
from consumer.domain.review import gate, shape
from consumer.domain.review.gate import Accepted, Reviewed
from consumer.domain.writing import prompt
from tests.domain import recorded
from tests.domain.answers import keep
from tests.domain.rendering.test_markdown import assert_harmless

SESSIONS = dict(recorded.sessions())
IN_GERMAN = {f"de {name}": bundle for name, bundle in recorded.sessions(language=GERMAN)}

ANSWERS: dict[str, Any] = json.loads(
    (recorded.ROOT / "tests" / "golden" / "packages" / "answers.json").read_text(encoding="utf-8")
)
"""Answers of a careful writer about a session, in the writer's own words. None may count as invented."""


def test_the_walk_finds_the_sessions() -> None:
    assert len(SESSIONS) >= 50


@pytest.mark.parametrize("bundle", [*SESSIONS.values(), *IN_GERMAN.values()], ids=[*SESSIONS, *IN_GERMAN])
def test_the_rules_package_keeps_every_promise(bundle: Bundle) -> None:
    rendered = gate.by_rules(bundle).rendered
    assert list(shape.check(bundle, rendered)) == []
    assert_harmless(rendered)
    assert len(rendered.markdown) < 4_500 or len(bundle.records.facts) > 12


@pytest.mark.parametrize("name", ANSWERS)
def test_a_good_answer_is_taken_as_it_is(name: str) -> None:
    (bundle,) = (bundle for session, bundle in SESSIONS.items() if session.startswith(name))
    reviewed = gate.review(json.dumps(ANSWERS[name]), bundle, scan=keep)
    assert [str(each) for each in reviewed.violations] == []
    assert isinstance(reviewed, Reviewed)
    accepted = gate.assemble(reviewed, bundle)
    assert isinstance(accepted, Accepted)
    assert accepted.warnings == ()
    assert_harmless(accepted.rendered)


def test_the_instructions_are_the_same_for_every_session() -> None:
    before = prompt.SYSTEM.encode()
    turns = {prompt.user_turn(bundle, "b") for bundle in SESSIONS.values()}
    assert len(turns) > 40
    assert prompt.SYSTEM.encode() == before
