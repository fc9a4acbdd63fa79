"""A wrong setting is refused at the start: by its variable's name, with the reason, and without a secret's value."""

import os
from pathlib import Path

import pytest

from consumer.errors import Misconfigured
from consumer.settings import read_settings
from tests.support.service import command

PASSWORD = "hunter/2#rush?hour"
WRONG = {
    "DATABASE_URL": [
        f"postgresql://escalation:{PASSWORD}@db:5432/escalation",
        "postgresql://escalation:12/34@db/escalation",
        "postgresql://escalation:pass#word@db/escalation",
        "postgresql://db:port/escalation",
        "postgresql://[::1/escalation",
        "mysql://db/escalation",
        "db:5432",
    ],
    "REDIS_URL": [f"redis://:{PASSWORD}@cache:6379/0", "redis://:56/78@cache", "http://cache:6379", "cache:6379"],
    "ANTHROPIC_BASE_URL": ["gateway.example", "ftp://gateway.example", "https://", "https://gateway.example:port"],
}


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_url_is_refused_without_being_quoted(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=f"^{variable}: ") as refusal:
        read_settings()
    assert value not in str(refusal.value)
    assert "hunter" not in str(refusal.value)


def test_a_short_token_of_the_console_is_refused_without_being_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCALATION_CONSOLE_TOKEN", "  hunter2-hunter  ")
    with pytest.raises(Misconfigured, match=r"^ESCALATION_CONSOLE_TOKEN: is too short: it needs 16") as refusal:
        read_settings()
    assert "hunter" not in str(refusal.value)
    monkeypatch.setenv("ESCALATION_CONSOLE_TOKEN", "sixteen-letters!")
    assert "sixteen" not in repr(read_settings())


@pytest.mark.parametrize("command_name", ["run", "prepare", "outbox"])
def test_a_password_with_a_slash_ends_the_command_with_2_and_is_not_printed(command_name: str) -> None:
    wrong = {"DATABASE_URL": WRONG["DATABASE_URL"][0], "REDIS_URL": WRONG["REDIS_URL"][0]}
    done = command({"PATH": os.environ["PATH"], **wrong}, command_name)
    assert done.code == 2
    assert [name for name in wrong if name not in done.errors] == []
    assert "Traceback" not in done.errors
    assert [part for part in ("hunter", "rush", "hour") if part in done.errors + done.output] == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://escalation:hunter%2F2%23@db/escalation?sslmode=require"),
        ("DATABASE_URL", "postgres://escalation@/escalation?host=/var/run/postgresql"),
        ("DATABASE_URL", "postgresql://one:5432,two:5432/escalation"),
        ("REDIS_URL", "unix:///run/redis.sock?db=1"),
        ("REDIS_URL", "rediss://user:p%40ss@cache:6380/2"),
        ("ANTHROPIC_BASE_URL", "http://[::1]:8080/gateway"),
    ],
)
def test_a_usual_url_is_taken(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, f" {value}\n")
    values = read_settings().model_dump(include={"database_url", "redis_url", "anthropic_base_url"}).values()
    assert value in [url if isinstance(url, str) else url.get_secret_value() for url in values if url is not None]


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_blank_key_is_no_key(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", blank)
    assert read_settings().anthropic_api_key is None


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_certificates_that_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("ESCALATION_KAFKA_SSL_CAFILE", str(path))
    with pytest.raises(
        Misconfigured, match=r"^ESCALATION_KAFKA_SSL_CAFILE: .*ca\.pem cannot be read as certificates: \S"
    ):
        read_settings()
