"""The published language: generated files are up to date, complete, and agree with the models and the examples."""

import json
import re
from hashlib import sha256
from pathlib import Path
from textwrap import indent
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas import generate, json_schema
from schemas.envelope import Envelope
from tests.support.psa_server import PsaServer

ROOT = Path(__file__).parent.parent
GENERATED = ROOT / "schemas" / "generated"
EXAMPLES = sorted((ROOT / "schemas" / "examples").glob("*.json"))
README = (ROOT / "schemas" / "README.md").read_text(encoding="utf-8")
TYPES = (*json_schema.RECEIVED, *json_schema.PUBLISHED)


def _schema(name: str) -> Draft202012Validator:
    document = json.loads((GENERATED / f"{name}.json").read_text())
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def _event(kind: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "/test",
        "type": kind,
        "subject": "s1",
        "time": "2026-01-01T00:00:00Z",
        "stateversion": 1,
        "data": data,
    } | attributes


def test_generated_files_are_up_to_date() -> None:
    assert generate.stale() == []


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_an_example_that_obeys_schema_and_model(kind: str) -> None:
    event = json.loads((ROOT / "schemas" / "examples" / f"{kind}.json").read_text())
    assert [error.message for error in _schema(kind).iter_errors(event)] == []
    assert [error.message for error in _schema(f"{kind}.data").iter_errors(event.get("data") or {})] == []
    if kind in json_schema.RECEIVED:
        Envelope.model_validate(event)
        json_schema.RECEIVED[kind].model_validate(event.get("data") or {})
    else:
        json_schema.PUBLISHED[kind].model_validate(event["data"])
        Envelope.model_validate(event)


def test_examples_are_of_known_types_only() -> None:
    assert {path.stem for path in EXAMPLES} == {*TYPES, json_schema.DEAD_LETTER}


def test_the_package_example_is_true_to_itself() -> None:
    event = json.loads((ROOT / "schemas" / "examples" / "escalation.package_ready.v1.json").read_text())
    data = event["data"]
    assert data["content_sha256"] == sha256(data["markdown"].encode()).hexdigest()
    assert data["markdown"] == (
        "\n\n".join(f"## {section['heading']}\n\n{section['markdown']}" for section in data["sections"]) + "\n"
    )
    assert event["id"] == data["package_id"]
    expected = uuid5(NAMESPACE_URL, f"escalation-package/{data['note_key']}/{data['revision']}")
    assert data["package_id"] == str(expected)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("session.fix_outcome_recorded.v1", {"fix_id": "f", "status": "applied_pending"}),
        ("session.fix_outcome_recorded.v1", {"fix_id": "f", "status": "applied_pending", "pending_reason": "  "}),
        ("session.fix_outcome_recorded.v1", {"fix_id": "f", "status": "proposed"}),
        ("session.fix_outcome_recorded.v1", {"fix_id": "f", "status": "fixed"}),
        ("session.fix_suggested.v1", {"fix_id": "f", "title": "t", "description": "d", "confidence_pct": 101}),
        ("session.fact_recorded.v1", {"fact_id": "f", "text": " ", "source_type": "x"}),
        ("session.fact_recorded.v1", {"fact_id": 7, "text": "t", "source_type": "x"}),
        ("session.script_generated.v1", {"generation_id": "g"}),
        ("escalation.requested.v1", {"request_id": "r", "priority": 5}),
        ("escalation.requested.v1", {"request_id": "r", "deadline_seconds": 4}),
        (
            "session.snapshot.v1",
            {
                "fixes": [
                    {"fix_id": "f", "title": "t", "description": "d", "confidence_pct": 1, "status": "applied_pending"}
                ]
            },
        ),
    ],
)
def test_schema_and_model_refuse_the_same(kind: str, data: dict[str, Any]) -> None:
    assert list(_schema(f"{kind}.data").iter_errors(data))
    assert list(_schema(kind).iter_errors(_event(kind, data)))
    with pytest.raises(ValidationError):
        json_schema.RECEIVED[kind].model_validate(data)


def test_a_session_event_needs_its_version() -> None:
    event = _event("session.reopened.v1", {})
    assert not list(_schema("session.reopened.v1").iter_errors(event))
    del event["stateversion"]
    assert list(_schema("session.reopened.v1").iter_errors(event))


def test_every_field_is_documented() -> None:
    undocumented = []
    for name in TYPES:
        schema = json.loads((GENERATED / f"{name}.data.json").read_text())
        for owner in (schema, *schema.get("$defs", {}).values()):
            for field, described in owner.get("properties", {}).items():
                if "description" not in described and owner.get("title") != "Usage":
                    undocumented.append(f"{name}: {owner.get('title')}.{field}")
    assert undocumented == []


def test_asyncapi_is_whole() -> None:
    document = yaml.safe_load((GENERATED / "asyncapi.yaml").read_text())
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= document["info"].keys()
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {
        "{prefix}session-state-changed", "{prefix}escalation-requested",
        "{prefix}session-state-changed.replay", "{prefix}escalation-requested.replay",
        "{prefix}escalation-package-ready", "{prefix}escalation-package-failed",
        "{prefix}session-state-changed.dlq", "{prefix}escalation-requested.dlq",
        "{prefix}escalation-package-feedback", "{prefix}escalation-tenant-policy",
        "{prefix}escalation-package-feedback.dlq", "{prefix}escalation-tenant-policy.dlq",
    }  # fmt: skip
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
    references = re.findall(r"\$ref: '?([^'\n]+)'?", (GENERATED / "asyncapi.yaml").read_text())
    assert references
    for reference in references:
        if reference.startswith("./"):
            assert (GENERATED / reference[2:]).is_file(), reference
        else:
            place: Any = document
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]


def test_the_readers_protocol_is_told_from_the_sync() -> None:
    """What the sync does, `tests/sync` shows."""
    (excerpt,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert indent(excerpt, "    ") in (ROOT / "schemas" / "examples" / "sync.py").read_text()


def test_the_settings_of_the_document_are_all_that_the_sync_needs() -> None:
    (settings,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    by_system = json.loads(settings)["larkfield-joinery"]["internal"]
    needs = PsaServer().settings
    assert {system: my.keys() for system, my in by_system.items()} == {
        system: needs(system).keys() for system in by_system
    }
