"""The image, the compose file, .env.example, the licence and the version."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import resources
from importlib.metadata import version

import jsonschema
import pytest

from consumer.flows.operation.meters import Meter
from consumer.settings import Settings, variable_of
from tests.support import compose, env_example

PROJECT = tomllib.loads((compose.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = (compose.ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_compose_file_fits_the_public_schema() -> None:
    text = (resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json").read_text()
    schema = json.loads(text)
    jsonschema.Draft202012Validator(schema).validate(compose.document())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({"services": {"x": {"imagine": "y"}}})


@pytest.mark.parametrize("name", ["service", "prepare"])
def test_every_setting_of_dot_env_reaches_the_service(name: str) -> None:
    assert compose.services()[name]["env_file"] == [{"path": ".env", "required": False}]


def test_the_observers_are_not_started_unless_asked_for() -> None:
    asked_for = {name for name, service in compose.services().items() if "profiles" in service}
    assert asked_for == {"prometheus", "grafana"}
    for name in asked_for:
        for volume in compose.services()[name]["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith("./") or (compose.ROOT / source).is_dir()


def test_the_example_of_settings_is_current_and_complete() -> None:
    assert env_example.EXAMPLE.read_text(encoding="utf-8") == env_example.page(), "python -m tests.support.env_example"
    named = re.findall(r"^#(\w+)=", env_example.page(), flags=re.MULTILINE)
    assert named == [variable_of(field) for field in Settings.model_fields]


def test_the_image_listens_to_others_and_is_looked_at() -> None:
    assert "ENV ESCALATION_HTTP_HOST=0.0.0.0" in DOCKERFILE
    assert "/livez" in DOCKERFILE.partition("HEALTHCHECK")[2]
    assert f'licenses="{PROJECT["license"]}"' in DOCKERFILE


def test_the_licence_is_the_one_that_is_declared() -> None:
    text = (compose.ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert len(text.splitlines()) > 200


def test_the_changelog_knows_this_version_and_what_was_renamed() -> None:
    text = (compose.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{PROJECT['version']}]" in text or "## [Unreleased]" in text
    assert set(re.findall(r"escalation_\w+", text)) & {meter.value.name for meter in Meter}


def test_the_version_is_told_at_once() -> None:
    program = "import sys; sys.argv[1:] = ['--version']\ntry:\n    import consumer.__main__ as m; m.main()\nfinally:\n"
    program += "    print(len(sys.modules.keys() & {'typer', 'pydantic', 'rich', 'aiokafka', 'asyncpg'}))"
    environment = {**os.environ, "ESCALATION_HTTP_PORT": "wrong"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == [f"escalation-consumer {version('escalation-consumer')}", "0"]
