"""A wrong setting is refused at the start: by its variable's name, with the reason, and without a secret's value."""

import json
import os
import re
from pathlib import Path

import pytest

from consumer import environment, setting_sources
from consumer.errors import Misconfigured
from consumer.settings import Settings, read_settings, variable_of
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


class TestMisspelt:
    @pytest.mark.parametrize(
        ("variable", "nearest"),
        [
            ("ESCALATION_TOPIC_PREFX", "ESCALATION_TOPIC_PREFIX"),
            ("ESCALATION_MODEL_CONCURENCY", "ESCALATION_MODEL_CONCURRENCY"),
            ("ESCALATION_REDACTION_KEY_FIL", "ESCALATION_REDACTION_KEY_FILE"),
            ("escalation_retention_day", "ESCALATION_RETENTION_DAYS"),
        ],
    )
    def test_it_is_refused_with_the_nearest_name(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, nearest: str
    ) -> None:
        monkeypatch.setenv(variable, PASSWORD)
        with pytest.raises(Misconfigured, match=rf"^{variable}: no such setting; did you mean {nearest}\?$") as refusal:
            read_settings()
        assert PASSWORD not in str(refusal.value)

    def test_a_name_without_a_near_one_leads_to_the_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESCALATION_QQQQQQ", "1")
        with pytest.raises(Misconfigured, match="ESCALATION_QQQQQQ: no such setting; `escalation-consumer settings`"):
            read_settings()

    def test_it_is_told_together_with_wrong_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESCALATION_HTTP_PRT", "1")
        monkeypatch.setenv("ESCALATION_LEASE_SECONDS", "0")
        with pytest.raises(Misconfigured, match=r"ESCALATION_HTTP_PRT.*ESCALATION_LEASE_SECONDS"):
            read_settings()

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("ESCALATION_TOPIC_PREFX", ""),  # compose passes on what is not set as empty
            ("ESCALATION_TEST_SERVERS", "embedded"),
            ("ESCALATION_CACHE_DIR", "/tmp"),
            ("ESCALATION_SHARED_DIR", "/tmp"),
            # Kubernetes tells a pod about every service of its namespace.
            ("ESCALATION_CONSUMER_SERVICE_HOST", "10.0.0.7"),
            ("ESCALATION_CONSUMER_SERVICE_PORT", "8080"),
            ("ESCALATION_CONSUMER_SERVICE_PORT_HTTP", "8080"),
            ("ESCALATION_CONSUMER_PORT", "tcp://10.0.0.7:8080"),
            ("ESCALATION_CONSUMER_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
            ("ESCALATION_CONSUMER_PORT_8080_TCP_ADDR", "fd00::7"),
            ("ESCALATION_CONSUMER_PORT_8080_TCP_PROTO", "tcp"),
        ],
    )
    def test_what_others_set_is_left_alone(self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
        monkeypatch.setenv(variable, value)
        read_settings()

    def test_a_file_is_for_secrets_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ESCALATION_MODEL_FILE", "/model")
        with pytest.raises(
            Misconfigured, match=r"^ESCALATION_MODEL_FILE: only a secret comes from a file; set ESCALAT"
        ):
            read_settings()

    @pytest.mark.parametrize(
        ("variable", "meant"),
        [
            ("KAFKA_BOOTSTRAP_SERVER", "KAFKA_BOOTSTRAP_SERVERS"),
            ("DATABASE_URI", "DATABASE_URL"),
            ("REDIS_URI", "REDIS_URL"),
            ("ANTHROPIC_KEY", "ANTHROPIC_API_KEY"),
            ("ESCALTION_MODEL", "ESCALATION_MODEL"),
        ],
    )
    def test_a_name_without_our_prefix_is_only_told_while_the_meant_one_is_unset(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
    ) -> None:
        (sentence,) = setting_sources.lookalikes(Settings, {variable: PASSWORD, "PATH": "/bin"})
        assert sentence.startswith(f"{variable} is set")
        assert meant in sentence
        assert PASSWORD not in sentence
        assert setting_sources.lookalikes(Settings, {variable: PASSWORD, meant: "given"}) == []
        monkeypatch.setenv(variable, "x")
        read_settings()


class TestSecretFiles:
    SECRETS = (
        "DATABASE_URL",
        "REDIS_URL",
        "ANTHROPIC_API_KEY",
        "ESCALATION_REDACTION_KEY",
        "ESCALATION_KAFKA_SASL_PASSWORD",
        "AWS_BEARER_TOKEN_BEDROCK",
        "ANTHROPIC_FOUNDRY_API_KEY",
    )

    def test_every_secret_has_one_and_only_secrets(self) -> None:
        by_type = {variable_of(name) for name in setting_sources.secret_fields(Settings)}
        assert by_type >= set(self.SECRETS)
        shown = set(re.findall(r"(\w+)=SecretStr", repr(Settings())))
        assert shown <= setting_sources.secret_fields(Settings)
        assert "ESCALATION_MODEL" not in by_type

    def test_none_of_them_is_taken_out_of_the_environment(self) -> None:
        variables = {f"{variable_of(name)}_FILE": "/run/x" for name in setting_sources.secret_fields(Settings)}
        settled = dict(variables)
        environment.settle(settled)
        assert settled == variables

    @pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
    def test_the_text_of_the_file_counts_without_its_line_end(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line_end: str
    ) -> None:
        values = {
            "DATABASE_URL": "postgresql://somebody:a%2Fb@db/escalation",
            "REDIS_URL": "rediss://cache/1",
            "ANTHROPIC_API_KEY": "sk-ant-of-a-file",
            "ESCALATION_REDACTION_KEY": " 16 characters with a blank before ",
            "ESCALATION_KAFKA_SASL_PASSWORD": "pass word ",
        }
        for name, value in values.items():
            (tmp_path / name).write_bytes((value + line_end).encode())
            monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
            monkeypatch.setenv(name, "")  # as compose passes what is not set
        settings = read_settings()
        fields = {variable_of(name): getattr(settings, name) for name in Settings.model_fields}
        assert {name: fields[name].get_secret_value() for name in values} == values
        origins = setting_sources.origins(Settings, os.environ)
        assert str(origins["database_url"]) == f"file: {tmp_path / 'DATABASE_URL'}"

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (None, "cannot be read: No such file or directory"),
            (b"", "is empty"),
            (b"\n", "is empty"),
            (b"\xff\xfe\x00hunter-bytes", "is no text"),
            (b"hunter\0bytes", "is no text"),
            (b"hunter" * 20_000, "is longer than 64 KiB"),
        ],
    )
    def test_a_file_that_cannot_be_a_secret_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str
    ) -> None:
        path = tmp_path / "key"
        if content is not None:
            path.write_bytes(content)
        monkeypatch.setenv("ANTHROPIC_API_KEY_FILE", str(path))
        with pytest.raises(Misconfigured, match=f"^ANTHROPIC_API_KEY_FILE: {re.escape(str(path))} {reason}") as refusal:
            read_settings()
        assert "hunter" not in str(refusal.value)

    @pytest.mark.parametrize("path", [".", "/dev/zero", "nul\N{NULL}byte"])
    def test_what_is_no_file_is_refused(self, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        if "\0" in path:
            with pytest.raises(ValueError, match="no path"):
                setting_sources._secret_of(path)
            return
        monkeypatch.setenv("ANTHROPIC_API_KEY_FILE", path)
        with pytest.raises(Misconfigured, match=r"^ANTHROPIC_API_KEY_FILE: "):
            read_settings()

    def test_the_file_beside_the_variable_is_refused(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("sk-ant-1", encoding="utf-8")
        monkeypatch.setenv("ANTHROPIC_API_KEY_FILE", str(tmp_path / "key"))
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-2")
        with pytest.raises(
            Misconfigured, match=r"^ANTHROPIC_API_KEY_FILE: ANTHROPIC_API_KEY is set as well; unset one of them$"
        ):
            read_settings()


class TestShown:
    def test_each_setting_has_its_value_and_its_origin_and_no_secret_is_printed(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(f"{PASSWORD}-of-the-file\n", encoding="utf-8")
        done = command(
            {
                "PATH": os.environ["PATH"],
                "ESCALATION_REDACTION_KEY_FILE": str(tmp_path / "key"),
                "REDIS_URL": "redis://:hunter2@cache",
                "ESCALATION_MODEL_CONCURRENCY": "3",
                "https_proxy": "http://user:hunter2@proxy:3128",
                "DATABASE_URI": "postgresql://db/escalation",
            },
            "settings",
            "--json",
        )
        assert done.code == 0, done.errors
        assert "hunter" not in done.output + done.errors
        assert "DATABASE_URI is set and is read by nobody here" in done.errors
        rows = {row["variable"]: (row["value"], row["origin"]) for row in json.loads(done.output)}
        assert rows["ESCALATION_REDACTION_KEY"] == ("set", f"file: {tmp_path / 'key'}")
        assert rows["REDIS_URL"] == ("set", "environment: REDIS_URL")
        assert rows["HTTPS_PROXY"] == ("set", "environment: https_proxy")
        assert rows["ESCALATION_MODEL_CONCURRENCY"] == ("3", "environment: ESCALATION_MODEL_CONCURRENCY")
        assert rows["ESCALATION_LEASE_SECONDS"] == ("20", "default")
        assert rows["ANTHROPIC_API_KEY"] == ("-", "default")


@pytest.mark.parametrize("value", ["inf", "nan", "1e300"])
@pytest.mark.parametrize("variable", ["ESCALATION_RETENTION_DAYS", "ESCALATION_REVISE_AFTER_SECONDS"])
def test_a_number_that_no_database_can_count_with_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=f"^{variable}: "):
        read_settings()
