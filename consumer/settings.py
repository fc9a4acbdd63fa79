"""Settings from the environment: unit, default and reason of each. A wrong one is refused at the start, by name."""

import importlib.util
import os
import ssl
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from consumer import environment
from consumer.errors import Misconfigured

PREFIX = "ESCALATION_"


def _named(name: str) -> AliasChoices:
    return AliasChoices(name)


class Settings(BaseSettings):
    """Everything that can be set. Secrets never appear in a repr, a log or an error."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        populate_by_name=True,
    )

    # connections
    kafka_bootstrap_servers: str = Field("localhost:9092", validation_alias=_named("KAFKA_BOOTSTRAP_SERVERS"))
    """Kafka's brokers, each as host:port, separated by commas."""
    database_url: SecretStr = Field(
        SecretStr("postgresql://localhost/escalation"), validation_alias=_named("DATABASE_URL")
    )
    """The URL of PostgreSQL. Each environment needs a database of its own. No PG… variable may complete it.

    It may name several hosts, separated by commas: the writable one is used.
    """
    database_pooler: str = Field("auto", pattern="^(auto|transaction)$")
    """Whether a pooler such as PgBouncer in transaction mode stands before PostgreSQL: `transaction` says so.

    `auto` finds out, but a pooler that passes on the process ids of PostgreSQL's sessions stays unnoticed.
    """
    redis_url: SecretStr | None = Field(None, validation_alias=_named("REDIS_URL"))
    """The URL of Redis. It is only a cache: its loss costs speed and nothing else. Without it there is no cache."""
    anthropic_api_key: SecretStr | None = Field(None, validation_alias=_named("ANTHROPIC_API_KEY"))
    """The key of the Messages API. Without it rules draft every package."""
    anthropic_base_url: str = Field("https://api.anthropic.com", validation_alias=_named("ANTHROPIC_BASE_URL"))
    """The address of the Messages API, or of a gateway that speaks it."""
    anthropic_custom_headers: SecretStr | None = Field(None, validation_alias=_named("ANTHROPIC_CUSTOM_HEADERS"))
    """Headers for a gateway, sent with every call: lines as `Name: value`."""
    http_proxy: SecretStr | None = Field(None, validation_alias=_named("HTTP_PROXY"))
    """The proxy to a Messages API at an http:// address, as http://, https:// or socks5://user:password@host:port."""
    https_proxy: SecretStr | None = Field(None, validation_alias=_named("HTTPS_PROXY"))
    """The proxy to a Messages API at an https:// address. Of these variables, those in lower case count first."""
    all_proxy: SecretStr | None = Field(None, validation_alias=_named("ALL_PROXY"))
    """The proxy to the Messages API when the address has none of its own."""
    no_proxy: str = Field("", validation_alias=_named("NO_PROXY"))
    """Hosts, domains, addresses and networks, separated by commas, that are reached without a proxy."""
    ssl_cert_file: str | None = Field(None, validation_alias=_named("SSL_CERT_FILE"))
    """A file with the certificate authorities to trust instead of the system's, in every connection with TLS."""
    ssl_cert_dir: str | None = Field(None, validation_alias=_named("SSL_CERT_DIR"))
    """As SSL_CERT_FILE, a folder of them."""
    redaction_key: SecretStr | None = None
    """The key for fingerprints of secrets, 16 characters or more. Without it `prepare` makes one and stores it."""
    kafka_security_protocol: str = Field("PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    """The protocol of connections to Kafka."""
    kafka_sasl_mechanism: str = Field("PLAIN", pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$")
    """How to log in to Kafka. For SASL protocols only."""
    kafka_sasl_username: str | None = None
    """The user name at Kafka. For SASL protocols only."""
    kafka_sasl_password: SecretStr | None = None
    """The password at Kafka. For SASL protocols only."""
    kafka_ssl_cafile: str | None = None
    """A file with the certificate authorities to trust. Without it the system's are trusted."""

    # names
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]*$", max_length=100)
    """Put before names of topics, groups, transactional ids and Redis keys, so that environments can share servers."""
    consumer_group: str = Field("escalation-consumer", min_length=1)
    """The name of the consumer group, without the prefix."""
    instance_id: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]+$", max_length=200)
    """This replica's name in the group, such as a StatefulSet's pod name. It must be unique and last over restarts.

    A replica that comes back under its name keeps its partitions; without one, the group first waits for the dead
    member.
    """
    source: str = Field("/escalation-consumer", min_length=1)
    """The CloudEvents `source` of published events, a URI reference."""

    # health and metrics
    http_host: str = "127.0.0.1"
    """The address of /livez, /readyz and /metrics. Loopback, because they are for agents on the same machine."""
    http_port: int = Field(8080, ge=0, le=65535)
    """The port of /livez, /readyz and /metrics. 0 takes a free port and logs it."""
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """The lowest level that is logged. Logs are JSON lines on standard error."""

    # intake
    intake_batch_records: int = Field(5000, ge=1, le=20000)
    """Records per transaction. More are no faster, fewer are slower: 2,000 by a fifth, 1 by far."""
    session_timeout_seconds: float = Field(10.0, ge=1, le=300)
    """How long Kafka waits for a silent member before its partitions move. Shorter times expel members on a pause."""

    # drafting
    model: str = Field("claude-sonnet-5-5", min_length=1)
    """The model that drafts."""
    fallback_model: str | None = "claude-sonnet-5"
    """The model that is asked once when the first one refuses; `none` turns this off."""
    check_model: str | None = "claude-haiku-5-5"
    """The second reader: a small model that checks each answer against the records; `none` turns this off."""
    model_max_tokens: int = Field(1400, ge=256, le=16000)
    """The most visible tokens of an answer. The contract's package fits in."""
    model_attempt_seconds: float = Field(45.0, gt=0, le=600)
    """How long one call may take. Most answers take 10 s; the 99th percentile of a slow day is 60 s."""
    model_concurrency: int = Field(8, ge=1, le=256)
    """How many model calls one process makes at once."""
    monthly_budget_usd: float | None = Field(None, ge=0)
    """What calls to models may cost in a calendar month (UTC), all tenants together; beyond it rules draft."""
    lease_seconds: float = Field(20.0, ge=1, le=600)
    """How long work stays reserved without a sign of life. After a kill it is taken up again this much later."""
    deadline_margin_seconds: float = Field(3.0, ge=0.5, le=60)
    """How long before a request's deadline its fallback is written, so that it is published in time."""
    draft_cache_seconds: int = Field(86_400, ge=1)
    """How long Redis keeps a draft. A day is the window in which revisions come."""
    model_probe_seconds: float = Field(10.0, ge=0.1, le=600)
    """While the model is away, all replicas together call it at most once in this time."""
    upgrade_spread_seconds: float = Field(60.0, ge=0, le=3600)
    """When the model is back, the upgrades of fallbacks are spread over this time."""

    # revisions
    revise_after_seconds: float = Field(60.0, ge=0)
    """How long a session must be quiet before a change leads to a revision. The wait saves a fifth of the drafts."""
    revise_window_seconds: float = Field(86_400.0, ge=0)
    """How long after the first package a change still leads to a revision."""
    revise_limit: int = Field(5, ge=0)
    """How many revisions by change a request gets at most; 0 turns them off."""

    # retention
    retention_days: float = Field(0.0, ge=0)
    """How long a session must be quiet, with no work due, before its content is deleted; 0 keeps everything."""
    key_retention_days: float = Field(0.0, ge=0)
    """How long after the content the ids are deleted; 0 keeps them. Longer than topics keep records, else old records
    are answered again."""

    # relay
    relay_batch_rows: int = Field(500, ge=1, le=10_000)
    """The most events in one Kafka transaction."""
    relay_transaction_seconds: float = Field(15.0, ge=1, le=60)
    """Limit of a Kafka transaction. A killed relay's open one hides later events from readers for this time at most."""

    # shutdown
    drain_seconds: float = Field(20.0, gt=0, le=24)
    """How long work under way may take after SIGTERM before it is handed back. The process exits within 25 s."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Of two spellings of a variable the one in lower case counts."""
        if isinstance(env_settings, EnvSettingsSource):
            env_settings.env_vars = {**env_settings.env_vars, **environment.lower_case_first(os.environ)}
        return init_settings, env_settings

    @property
    def model_proxy(self) -> SecretStr | None:
        """The proxy to the Messages API; None: it is reached directly."""
        field = self._proxy_field()
        return None if field is None else getattr(self, field)

    @field_validator("database_url", "redis_url", "anthropic_base_url", mode="before")
    @classmethod
    def _stripped(cls, value: object) -> object:
        """Without the blanks and line ends that a file of secrets adds."""
        return value.strip() if isinstance(value, str) else value

    @field_validator(
        "anthropic_api_key",
        "anthropic_custom_headers",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "ssl_cert_file",
        "ssl_cert_dir",
        mode="before",
    )
    @classmethod
    def _stripped_or_unset(cls, key: object) -> object:
        return key.strip() or None if isinstance(key, str) else key

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, url: SecretStr) -> SecretStr:
        parts = environment.split_url(url.get_secret_value(), "postgresql", "postgres")
        for name, part in sorted(environment.completing(parts, os.environ).items()):
            raise ValueError(f"{name} would complete it behind its back; write the {part} into it, and unset {name}")
        return url

    @field_validator("redis_url")
    @classmethod
    def _of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            environment.split_url(url.get_secret_value(), "redis", "rediss", "unix")
        return url

    @field_validator("anthropic_base_url")
    @classmethod
    def _of_http(cls, url: str) -> str:
        if not environment.split_url(url, "https", "http").hostname:
            raise ValueError("names no host")
        return url

    @field_validator("http_proxy", "https_proxy", "all_proxy")
    @classmethod
    def _of_a_proxy(cls, proxy: SecretStr | None) -> SecretStr | None:
        if proxy is None:
            return None
        url = proxy.get_secret_value()
        url = url if "://" in url else f"http://{url}"
        if not environment.split_url(url, "http", "https", "socks5", "socks5h").hostname:
            raise ValueError("names no host")
        return SecretStr(url)

    @field_validator("anthropic_custom_headers")
    @classmethod
    def _of_headers(cls, text: SecretStr | None) -> SecretStr | None:
        if text is not None:
            environment.custom_headers(text.get_secret_value())
        return text

    @field_validator("ssl_cert_dir")
    @classmethod
    def _of_folders(cls, path: str | None) -> str | None:
        if path is not None and not any(Path(folder).is_dir() for folder in path.split(os.pathsep)):
            raise ValueError(f"{path} is no folder")
        return path

    @field_validator("kafka_ssl_cafile", "ssl_cert_file")
    @classmethod
    def _of_certificates(cls, path: str | None) -> str | None:
        if path is not None:
            try:
                ssl.create_default_context(cafile=path)
            except OSError as error:
                raise ValueError(f"{path} cannot be read as certificates: {error.strerror}") from None
        return path

    @field_validator("fallback_model", "check_model")
    @classmethod
    def _none(cls, name: str | None) -> str | None:
        return None if name == "none" else name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.redaction_key is not None and len(self.redaction_key.get_secret_value()) < 16:
            raise ValueError("ESCALATION_REDACTION_KEY must have 16 characters or more")
        self._insist_on_socks()
        if self.key_retention_days and not self.retention_days:
            raise ValueError(
                "ESCALATION_KEY_RETENTION_DAYS needs ESCALATION_RETENTION_DAYS: content goes before its keys"
            )
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError(
                f"ESCALATION_KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs "
                "ESCALATION_KAFKA_SASL_USERNAME and ESCALATION_KAFKA_SASL_PASSWORD"
            )
        return self

    @property
    def behind_pooler(self) -> bool:
        """Whether the settings say that a transaction pooler stands before PostgreSQL."""
        return self.database_pooler == "transaction"

    def _proxy_field(self) -> str | None:
        address = urlsplit(self.anthropic_base_url)
        if environment.spared(address, self.no_proxy):
            return None
        return next((field for field in (f"{address.scheme}_proxy", "all_proxy") if getattr(self, field)), None)

    def _insist_on_socks(self) -> None:
        proxy, field = self.model_proxy, self._proxy_field()
        if self.anthropic_api_key is None or proxy is None or field is None:
            return
        if proxy.get_secret_value().startswith("socks") and importlib.util.find_spec("socksio") is None:
            raise ValueError(f"{variable_of(field)}: a SOCKS proxy needs an extra package: pip install 'httpx2[socks]'")


def variable_of(field: str) -> str:
    """The environment variable of a settings field."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else (PREFIX + field).upper()


def read_settings() -> Settings:
    """The settings of this process's environment. Raises Misconfigured, naming every wrong variable and the reason."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            place = str(problem["loc"][0]) if problem["loc"] else ""
            name = variable_of(place) if place in Settings.model_fields else place
            reason = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {reason}" if name else reason)
        raise Misconfigured("; ".join(lines)) from None
