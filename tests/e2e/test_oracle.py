"""The oracle sees faults: it refuses a package that is spoiled in one way."""

import base64
import copy
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES
from consumer.domain.rendering import markdown
from consumer.domain.writing import rules_draft
from tests.support import build, expected, leaks, package_checks, wire
from tests.support.oracle import Accepted, Written, _outcomes, _rows
from tests.support.package_checks import Knowledge

SECRET = "Winter-2031!x"
EVENTS = build.in_order(
    build.opened(intake_text="word " * 100, psa_ticket=build.TICKET),
    build.fact("The mailbox opens in the browser."),
    build.check("DNS answers."),
    build.script(),
    build.fix("Recreate the mail profile", fix_id="fix-number-1"),
    build.outcome("applied_pending", fix_id="fix-number-1", pending_reason="the backup of tonight"),
)


def sound_package(language: Language = ENGLISH) -> tuple[dict[str, Any], Knowledge]:
    """A package as published, and the knowledge it is checked against."""
    bundle = build.bundle_of(EVENTS, language=language)
    rendered = markdown.render(bundle, rules_draft.draft_by_rules(bundle))
    ids = {"tenant_id": "default", "session_id": "session-1", "request_id": "r/1"}
    data: dict[str, Any] = {
        **ids,
        "note_key": "default/session-1/r%2F1",
        "marker": "[handoff 0123456789ab r1]",
        "revision": 1,
        "supersedes": None,
        "content_sha256": sha256(rendered.markdown.encode()).hexdigest(),
        "audience": "internal",
        "title": rendered.title,
        "cause": "request",
        "replay_id": None,
        "status": "fallback",
        "state_version": len(EVENTS),
        "requested_state_version": None,
        "warnings": [],
        "psa_ticket": {**build.TICKET, "connection_id": None, "record_type": None},
        "target_ticket_ref": "CW #48213",
        "markdown": rendered.markdown,
        "plain_text": rendered.plain_text,
        "html": rendered.html,
        "language": rendered.language,
        "sections": [
            section.model_dump(mode="json")
            | {"lines": [{"text": line.text, "records": []} for line in rendered.lines[section.key]]}
            for section in rendered.sections
        ],
        "provenance": {"model": None, "event_count": len(EVENTS)},
    }
    data["package_id"] = package_checks.event_id_of(data, 1)
    event = {"id": data["package_id"], "subject": "session-1", "tenantid": "default", "data": data}
    plain = [
        {
            "type": change.type,
            "stateversion": change.version,
            "data": change.data.model_dump(mode="json", exclude_unset=True),
        }
        for change in EVENTS
        if change.data is not None
    ]
    state = expected.after(plain)
    return event, Knowledge(
        state=state, reason=None, event_count=len(EVENTS), state_version=len(EVENTS), language=language.tag
    )


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_a_package_that_keeps_the_contract_has_no_complaint(language: Language) -> None:
    assert package_checks.complaints(*sound_package(language)) == []


@pytest.mark.parametrize(("language", "tag"), [(ENGLISH, "de"), (GERMAN, "en")])
def test_a_package_in_another_language_is_seen(language: Language, tag: str) -> None:
    event, knowledge = sound_package(language)
    assert len(package_checks.complaints(event, replace(knowledge, language=tag))) > 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## Was bestätigt ist", "## What we've confirmed"),
        ("Bestätigung steht aus", "behoben"),
        ("the backup of tonight", "etwas"),
    ],
)
def test_a_german_package_that_breaks_the_contract_is_seen(before: str, after: str) -> None:
    event, knowledge = sound_package(GERMAN)
    _rewrite(before, after)(event["data"])
    assert package_checks.complaints(event, knowledge)


def _rewrite(before: str, after: str) -> Callable[[dict[str, Any]], None]:
    def spoil(data: dict[str, Any]) -> None:
        assert before in data["markdown"], data["markdown"]
        data["markdown"] = data["markdown"].replace(before, after, 1)
        data["plain_text"] = data["plain_text"].replace(before.replace("## ", ""), after.replace("## ", ""), 1)
        data["content_sha256"] = sha256(data["markdown"].encode()).hexdigest()
        for section in data["sections"]:
            section["heading"] = section["heading"].replace(before.removeprefix("## "), after.removeprefix("## "))
            section["markdown"] = section["markdown"].replace(before, after, 1)

    return spoil


def _set(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update({name: value})


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_rewrite("## Current hypothesis", "## Hypothesis"), id="another heading"),
        pytest.param(_rewrite("## Problem", "## **Problem**"), id="bold in a heading"),
        pytest.param(_rewrite("- DNS answers.\n", ""), id="a fact is missing"),
        pytest.param(_rewrite("the backup of tonight", "something"), id="a pending reason is missing"),
        pytest.param(_rewrite("Recreate the mail profile", "Do it"), id="an applied fix is missing"),
        pytest.param(_rewrite("awaiting verification", "helped"), id="another outcome"),
        pytest.param(_rewrite("browser.", "browser ![x](http://y)."), id="an image"),
        pytest.param(_rewrite("browser.", "browser <b>."), id="HTML"),
        pytest.param(_rewrite("browser.", "browser\u202e."), id="a bidirectional character"),
        pytest.param(_rewrite("browser.", "browser TBD."), id="a placeholder"),
        pytest.param(_rewrite("browser.", "browser fix-number-1."), id="an id"),
        pytest.param(_rewrite("browser.", "browser " + "word " * 80 + "."), id="a long quote of the intake"),
        pytest.param(_rewrite("browser.", "browser " + "y" * 30_000 + "."), id="too long"),
        pytest.param(_set("content_sha256", "0" * 64), id="another digest"),
        pytest.param(_set("package_id", "0"), id="another id"),
        pytest.param(_set("note_key", "default/session-1/r/1"), id="a note key that is not encoded"),
        pytest.param(_set("marker", "[handoff 0123456789ab r2]"), id="another revision in the marker"),
        pytest.param(_set("requested_state_version", 99), id="an older state without a warning"),
        pytest.param(_set("target_ticket_ref", "connectwise #48213"), id="another ticket reference"),
        pytest.param(_set("status", "ready"), id="a model's draft without a model"),
        pytest.param(_set("title", "t" * 101), id="a long title"),
        pytest.param(_set("plain_text", "## Problem"), id="markup in plain text"),
    ],
)
def test_a_package_that_breaks_the_contract_is_seen(spoil: Callable[[dict[str, Any]], None]) -> None:
    event, knowledge = sound_package()
    spoiled = copy.deepcopy(event)
    spoil(spoiled["data"])
    assert package_checks.complaints(spoiled, knowledge)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "zz"])
def test_a_secret_is_found_in_every_form(before: str, after: str) -> None:
    text = f"{before}{SECRET}{after}"
    for place in (
        text.encode(),
        text.encode("utf-16-le"),
        base64.b64encode(text.encode()),
        text.encode().hex().encode(),
    ):
        assert leaks.findings([SECRET], {"place": place})
    assert not leaks.findings([SECRET], {"place": b"nothing here", "other": b""})


READY, FAILED, WITHDRAWN = "package_ready", "package_failed", "package_withdrawn"
NAME = ("default", "session-1", "r1")


def written(
    *events: tuple[str, int | None, str | None], tables: dict[str, list[dict[str, Any]]] | None = None
) -> Written:
    """Events of one request as they stand on the ready topic: kind, revision, reason."""
    ids = dict(zip(("tenant_id", "session_id", "request_id"), NAME, strict=True))
    values = [
        {"type": f"escalation.{kind}.v1", "data": {**ids, "revision": revision, "reason": reason}}
        for kind, revision, reason in events
    ]
    ready = [wire.record(value) for value in values]
    return Written(input=[], ready=ready, failed=[], dead_letters=[], tables=tables or {})


@pytest.mark.parametrize(
    ("events", "complaints"),
    [
        ([(READY, 1, None)], 0),
        ([(READY, 1, None), (READY, 2, None)], 0),
        ([(FAILED, None, "session_not_found")], 0),
        ([(WITHDRAWN, None, "cancelled")], 0),
        ([(READY, 1, None), (WITHDRAWN, 1, "cancelled")], 0),
        ([(READY, 1, None), (WITHDRAWN, 1, "session_erased")], 0),
        ([(WITHDRAWN, 1, "session_erased")], 0),  # the package was taken back before anybody saw it
        ([(WITHDRAWN, 1, "cancelled")], 1),
        ([], 1),
        ([(READY, 2, None)], 2),
        ([(READY, 1, None), (READY, 1, None)], 2),
        ([(WITHDRAWN, None, "cancelled"), (READY, 1, None)], 2),
        ([(WITHDRAWN, 1, "session_erased"), (WITHDRAWN, 1, "session_erased")], 2),
    ],
)
def test_anything_but_one_first_outcome_is_seen(
    events: list[tuple[str, int | None, str | None]], complaints: int
) -> None:
    accepted = Accepted(requests={NAME: {}})
    assert len(list(_outcomes(written(*events), accepted))) == complaints


@pytest.mark.parametrize(("trimmed_at", "complaints"), [(None, 1), ("2026-03-02", 0)])
def test_an_event_may_be_missing_only_where_retention_deleted_it(trimmed_at: str | None, complaints: int) -> None:
    session = {"tenant_id": "default", "session_id": "session-1", "erased_at": None, "event_count": 0}
    tables: dict[str, list[dict[str, Any]]] = {"session_events": [], "sessions": [session | {"trimmed_at": trimmed_at}]}
    accepted = Accepted(sessions=defaultdict(dict, {NAME[:2]: {1: wire.change()}}))
    assert len(list(_rows(written(tables=tables), accepted))) == complaints
