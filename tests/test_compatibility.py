"""The gate that keeps the schemas additive, and what teams in other languages make of them."""

import copy
import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from jsonschema import Draft202012Validator

from schemas import generate
from schemas.compatibility import breaks_producers, breaks_readers

ROOT = Path(__file__).parent.parent
GENERATED = ROOT / "schemas" / "generated"
FIRST = ROOT / "tests" / "golden" / "schemas_of_the_first_release"
"""Of the release before schemas were open, whose readers must go on working."""
PUBLISHED = sorted(path.name for path in FIRST.glob("*.json"))

Schema = dict[str, Any]


def schema(name: str) -> Schema:
    document: Schema = json.loads((GENERATED / f"{name}.json").read_text())
    return document


def changed(document: Schema, change: Callable[[Schema], object]) -> Schema:
    copied = copy.deepcopy(document)
    change(copied)
    return copied


def properties(document: Schema, *definition: str) -> Schema:
    owner = document["$defs"][definition[0]] if definition else document
    fields: Schema = owner["properties"]
    return fields


READY = schema("escalation.package_ready.v1.data")
OUTCOME = schema("session.fix_outcome_recorded.v1.data")

HARMLESS_TO_READERS: dict[str, Callable[[Schema], object]] = {
    "a new field": lambda s: properties(s).update(html={"type": "string"}),
    "a new field within a section": lambda s: properties(s, "Section").update(lines={"type": "array"}),
    "a field that is always there": lambda s: (properties(s).update(x={"type": "string"}), s["required"].append("x")),
    "a tighter bound": lambda s: properties(s)["title"].update(maxLength=80),
    "never null any more": lambda s: properties(s).update(replay_id={"type": "string"}),
}
BREAKING_READERS: dict[str, Callable[[Schema], object]] = {
    "a field is gone": lambda s: properties(s).pop("plain_text"),
    "a field within a section is gone": lambda s: properties(s, "Section").pop("heading"),
    "a field may be absent": lambda s: s["required"].remove("markdown"),
    "a field may be null": lambda s: properties(s).update(title={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "another type": lambda s: properties(s).update(revision={"type": "string"}),
    "another value of an enum": lambda s: s["$defs"]["Cause"]["enum"].append("whim"),
    "a longer text": lambda s: properties(s)["title"].update(maxLength=200),
    "another form of a text": lambda s: properties(s)["content_sha256"].update(pattern="^[0-9A-F]{64}$"),
    "sections of another kind": lambda s: properties(s)["sections"].update(items={"type": "string"}),
}
HARMLESS_TO_PRODUCERS: dict[str, Callable[[Schema], object]] = {
    "a new optional field": lambda s: properties(s).update(note={"type": "string"}),
    "a wider enum": lambda s: properties(s)["status"]["enum"].append("applied_elsewhere"),
    "a looser bound": lambda s: properties(s)["fix_id"].update(maxLength=512),
}
BREAKING_PRODUCERS: dict[str, Callable[[Schema], object]] = {
    "a new required field": lambda s: (properties(s).update(x={"type": "string"}), s["required"].append("x")),
    "an optional field is required": lambda s: s["required"].append("applied_at"),
    "a field is gone": lambda s: properties(s).pop("partial_notes"),
    "a value of an enum is refused": lambda s: properties(s)["status"]["enum"].remove("dismissed"),
    "null is refused": lambda s: properties(s).update(failure_reason={"type": "string"}),
    "a shorter id": lambda s: properties(s)["fix_id"].update(maxLength=64),
    "another rule": lambda s: s.update({"if": {"required": ["applied_at"]}}),
}


@pytest.mark.parametrize("name", HARMLESS_TO_READERS)
def test_what_is_added_breaks_no_reader(name: str) -> None:
    assert breaks_readers(READY, changed(READY, HARMLESS_TO_READERS[name])) == []


@pytest.mark.parametrize("name", BREAKING_READERS)
def test_what_would_break_a_reader_is_named(name: str) -> None:
    assert breaks_readers(READY, changed(READY, BREAKING_READERS[name]))


@pytest.mark.parametrize("name", HARMLESS_TO_PRODUCERS)
def test_what_is_loosened_breaks_no_producer(name: str) -> None:
    assert breaks_producers(OUTCOME, changed(OUTCOME, HARMLESS_TO_PRODUCERS[name])) == []


@pytest.mark.parametrize("name", BREAKING_PRODUCERS)
def test_what_would_break_a_producer_is_named(name: str) -> None:
    assert breaks_producers(OUTCOME, changed(OUTCOME, BREAKING_PRODUCERS[name]))


def test_the_present_schemas_only_add_to_the_released_ones() -> None:
    assert generate.breaking() == []


def test_the_check_refuses_a_schema_that_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = changed(READY, lambda s: properties(s).update(summary={"type": "string"}))
    (tmp_path / "escalation.package_ready.v1.data.json").write_text(json.dumps(released))
    monkeypatch.setattr(generate, "RELEASED", tmp_path)
    assert generate.breaking() == ["escalation.package_ready.v1.data.json: $.summary: is gone"]
    assert generate.main(["--check"]) == 1


def test_published_schemas_are_open_and_name_what_is_always_there() -> None:
    closed = [path.name for path in GENERATED.glob("*.json") if '"additionalProperties": false' in path.read_text()]
    assert closed == []
    for name in PUBLISHED:
        assert {"specversion", "datacontenttype"} <= set(json.loads((GENERATED / name).read_text())["required"])


@pytest.mark.parametrize("name", PUBLISHED)
def test_readers_of_the_first_release_go_on_working(name: str) -> None:
    document = json.loads((FIRST / name).read_text())
    for owner in (document, *document["$defs"].values()):
        owner.pop("additionalProperties", None)  # a reader that ignores what it does not know
    example = json.loads((ROOT / "schemas" / "examples" / name).read_text())
    assert [error.message for error in Draft202012Validator(document).iter_errors(example)] == []


def test_what_needs_no_payload_may_have_none() -> None:
    for name in ("session.erased.v1", "session.reopened.v1", "session.closed.v1"):
        validator = Draft202012Validator(schema(f"{name}.data"))
        assert validator.is_valid(None)
        assert validator.is_valid({})
        assert not validator.is_valid("gone")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_public_cloudevents_sdk_reads_what_is_published(name: str) -> None:
    value = (ROOT / "schemas" / "examples" / name).read_bytes()
    example = json.loads(value)
    headers = {"content-type": b"application/cloudevents+json", "event_type": name.removesuffix(".json").encode()}
    event = from_kafka_event(KafkaMessage(headers=headers, key=b"s", value=value))
    assert (event.get_id(), event.get_type(), event.get_subject()) == (
        example["id"], example["type"], example["subject"],
    )  # fmt: skip
    assert event.get_data() == example["data"]


def generated_types(folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "datamodel_code_generator", "--output", str(folder), *options]
    common = ["--output-model-type", "pydantic_v2.BaseModel", "--disable-timestamp", "--formatters", "builtin"]
    subprocess.run([*command, *common], check=True, capture_output=True, timeout=120)


def test_a_public_generator_makes_types_that_read_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("session.fix_outcome_recorded.v1", "session.erased.v1", "escalation.package_ready.v1"):
        module = f"types_of_{name.replace('.', '_')}"
        made = tmp_path / f"{module}.py"
        generated_types(made, "--input", str(GENERATED / f"{name}.json"), "--input-file-type", "jsonschema")
        model = getattr(importlib.import_module(module), "".join(w.title() for w in re.split(r"[._]", name)))
        model.model_validate(json.loads((ROOT / "schemas" / "examples" / f"{name}.json").read_text()))
        assert "status: Any" not in made.read_text()


def test_a_public_reader_of_asyncapi_takes_the_document(tmp_path: Path) -> None:
    generated_types(tmp_path / "types", "--input", str(GENERATED / "asyncapi.yaml"), "--input-file-type", "asyncapi")
    assert any("class " in path.read_text() for path in (tmp_path / "types").rglob("*.py"))


def test_the_asyncapi_parser_finds_nothing_to_complain_of() -> None:
    node = shutil.which("node")
    script = (
        "const {Parser, fromFile} = require('@asyncapi/parser');"
        "fromFile(new Parser(), process.argv[1]).parse().then(r => console.log(JSON.stringify("
        "{messages: r.document ? r.document.allMessages().length : 0,"
        " errors: r.diagnostics.filter(d => d.severity < 2).map(d => d.message)})))"
    )
    command = [node or "node", "-e", script, str(GENERATED / "asyncapi.yaml")]
    done = node and subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    if not done or "Cannot find module" in done.stderr:
        pytest.skip("the AsyncAPI parser is not here: install node, then `npm install --no-save @asyncapi/parser`")
    result = json.loads(done.stdout)
    assert result["errors"] == []
    assert result["messages"] == 21
