"""Connections that others can read or answer are told, or refused; what comes from a file is read again."""

from pathlib import Path

import pytest

from consumer.errors import Misconfigured
from consumer.settings import read_settings
from tests.support.certificates import Authority, Issued

AWAY = {
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092,kafka.example:9092",
    "DATABASE_URL": "postgresql://me:hunter2@db.example/escalation",
    "REDIS_URL": "redis://:hunter2@cache.example:6379/0",
}
ENCRYPTED = {
    "ESCALATION_KAFKA_SECURITY_PROTOCOL": "SSL",
    "DATABASE_URL": "postgresql://me@db.example,127.0.0.1/escalation?sslmode=verify-full",
    "REDIS_URL": "rediss://cache.example:6380/0",
}
HERE = {
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092,[::1]:9092,127.0.0.2:9092",
    "DATABASE_URL": "postgresql:///escalation?host=/var/run/postgresql",
    "REDIS_URL": "unix:///run/redis.sock",
}
KAFKA = "ESCALATION_KAFKA_"


def give(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_each_connection_that_is_open_to_others_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **AWAY)
    sentences = read_settings().unprotected
    assert [sentence.split()[0] for sentence in sentences] == ["Kafka", "PostgreSQL", "Redis"]
    assert "hunter2" not in " ".join(sentences)
    assert "localhost" not in " ".join(sentences)


@pytest.mark.parametrize("variables", [AWAY | ENCRYPTED, HERE, {}], ids=["encrypted", "here", "defaults"])
def test_what_is_verified_or_on_this_machine_is_not(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    give(monkeypatch, **variables, ESCALATION_REQUIRE_TLS="true")
    assert read_settings().unprotected == ()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@db.example/x?sslmode=require",
        "postgresql://me@127.0.0.1,db.example/x",
        "postgresql://me@[2001:db8::1]:5432/x",
        "postgresql://me@/x?host=db.example",
    ],
)
def test_a_database_that_is_not_verified_is_refused_by_the_setting(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for variable in ("DATABASE_URL", "ESCALATION_DATABASE_READ_URL"):
        with monkeypatch.context() as patch:
            give(patch, **{variable: url, "ESCALATION_REQUIRE_TLS": "true"})
            with pytest.raises(Misconfigured, match="ESCALATION_REQUIRE_TLS is set: PostgreSQL at"):
                read_settings()


@pytest.fixture
def issued(tmp_path: Path) -> Issued:
    return Authority(tmp_path).issue("me", password="opens-it")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, "needs ESCALATION_KAFKA_SASL_USERNAME"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTHBEARER"}, "needs one of"),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTHBEARER", "OAUTH_COMMAND": "/no/program"},
            "/no/program is no program",
        ),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTHBEARER", "OAUTH_COMMAND": "sh 'open"},
            "quotation mark is not closed",
        ),
        ({"SECURITY_PROTOCOL": "SSL", "SSL_KEYFILE": "{key}"}, "needs ESCALATION_KAFKA_SSL_CERTFILE"),
        ({"SSL_CERTFILE": "{certificate}"}, "PLAINTEXT shows no certificate"),
        ({"SECURITY_PROTOCOL": "SSL", "SSL_CERTFILE": "/no/file"}, "cannot be read"),
        ({"SECURITY_PROTOCOL": "SSL", "SSL_CERTFILE": "{certificate}", "SSL_KEYFILE": "{key}"}, "password of the key"),
    ],
)
def test_half_a_login_is_refused(
    monkeypatch: pytest.MonkeyPatch, issued: Issued, given: dict[str, str], reason: str
) -> None:
    files = {"certificate": issued.certificate, "key": issued.key}
    give(monkeypatch, **{KAFKA + name: value.format(**files) for name, value in given.items()})
    with pytest.raises(Misconfigured, match=reason):
        read_settings()


def test_a_key_with_a_password_is_taken(monkeypatch: pytest.MonkeyPatch, issued: Issued, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("opens-it\n")
    given = {"SECURITY_PROTOCOL": "SSL", "SSL_CERTFILE": str(issued.certificate), "SSL_KEYFILE": str(issued.key)}
    give(monkeypatch, **{KAFKA + name: value for name, value in given.items()})
    give(monkeypatch, ESCALATION_KAFKA_SSL_KEY_PASSWORD_FILE=str(password))
    read_settings()


def test_a_url_of_a_file_is_read_again_when_it_was_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://me:first@127.0.0.1/x\n")
    give(monkeypatch, DATABASE_URL_FILE=str(file))
    renewed = read_settings().renewed("database_url")
    monkeypatch.delenv("DATABASE_URL_FILE")
    for written, now in (
        ("postgresql://me:second@127.0.0.1/x\n", "postgresql://me:second@127.0.0.1/x"),
        ("mysql://wrong", "postgresql://me:second@127.0.0.1/x"),
        ("", "postgresql://me:second@127.0.0.1/x"),
        ("postgresql://me:third-one@127.0.0.1/x", "postgresql://me:third-one@127.0.0.1/x"),
    ):
        file.write_text(written)
        assert renewed() == now


def test_short_keys_beside_the_redaction_key_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, ESCALATION_REDACTION_OTHER_KEYS="long-enough-for-a-key\nshort-hunter2\n")
    with pytest.raises(Misconfigured, match="ESCALATION_REDACTION_OTHER_KEYS: is too short") as refused:
        read_settings()
    assert "hunter2" not in str(refused.value)
