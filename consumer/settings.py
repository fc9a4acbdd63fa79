"""Settings from the environment: unit, default and reason of each. A wrong one is refused at start, by its name."""

from typing import Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

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

    # what it is connected to
    kafka_bootstrap_servers: str = Field("localhost:9092", validation_alias=_named("KAFKA_BOOTSTRAP_SERVERS"))
    """host:port, several parted by commas."""
    database_url: SecretStr = Field(
        SecretStr("postgresql://localhost/escalation"), validation_alias=_named("DATABASE_URL")
    )
    """PostgreSQL, as a URL. One database per environment."""
    redis_url: SecretStr = Field(SecretStr("redis://localhost:6379/0"), validation_alias=_named("REDIS_URL"))
    """Redis, as a URL; a cache only, whose loss costs speed and nothing else."""
    anthropic_api_key: SecretStr | None = Field(None, validation_alias=_named("ANTHROPIC_API_KEY"))
    """Without a key every package is drafted by rules."""
    anthropic_base_url: str | None = Field(None, validation_alias=_named("ANTHROPIC_BASE_URL"))
    """Another address of the Messages API, such as a gateway."""
    redaction_key: SecretStr | None = None
    """Keys the fingerprints of secrets; 16 characters or more. Unset, `prepare` makes one and stores it."""
    kafka_security_protocol: str = Field("PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    """How to talk to Kafka."""
    kafka_sasl_mechanism: str = Field("PLAIN", pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$")
    """With SASL only."""
    kafka_sasl_username: str | None = None
    """With SASL only."""
    kafka_sasl_password: SecretStr | None = None
    """With SASL only."""
    kafka_ssl_cafile: str | None = None
    """A file with the certificate authorities to trust; the system's without it."""

    # names
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]*$", max_length=100)
    """Prepended to topics, groups, transactional ids and Redis keys, so that environments can share servers."""
    consumer_group: str = Field("escalation-consumer", min_length=1)
    """The consumer group, before the prefix."""
    source: str = Field("/escalation-consumer", min_length=1)
    """The CloudEvents source of what is published: a URI reference."""

    # health and metrics
    http_host: str = "127.0.0.1"
    """Where /livez, /readyz and /metrics listen; loopback, because they are for the machine's own agents."""
    http_port: int = Field(8080, ge=0, le=65535)
    """0 takes a free one and logs it."""
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Logs are JSON lines on standard error."""

    # intake
    intake_batch_records: int = Field(5000, ge=1, le=20000)
    """Records per transaction: larger ones are no faster, smaller ones are slower: 2,000 by a fifth, 1 by far."""
    session_timeout_seconds: float = Field(30.0, ge=1, le=300)
    """How long Kafka waits for a silent member before its partitions move; shorter ones expel members on a pause."""

    # drafting
    model: str = Field("claude-sonnet-5-5", min_length=1)
    """The model that drafts."""
    fallback_model: str | None = "claude-sonnet-5"
    """Asked once when the model refuses; `none` for none."""
    model_max_tokens: int = Field(1400, ge=256, le=16000)
    """Visible tokens of an answer; the contract's package fits in."""
    model_attempt_seconds: float = Field(45.0, gt=0, le=600)
    """How long one call may take: most answers take 10, a slow day's 99th percentile 60."""
    model_concurrency: int = Field(8, ge=1, le=256)
    """Model calls at once in this process."""
    lease_seconds: float = Field(20.0, ge=1, le=600)
    """How long work is reserved without a sign of life; after a kill it is taken up again that much later."""
    deadline_margin_seconds: float = Field(3.0, ge=0.5, le=60)
    """So long before a request's deadline its fallback is written, to be published in time."""
    draft_cache_seconds: int = Field(86_400, ge=1)
    """How long Redis keeps a draft: a day, the window in which revisions come."""
    model_probe_seconds: float = Field(10.0, ge=0.1, le=600)
    """While the model is away, one call at most in this time, over all replicas."""
    upgrade_spread_seconds: float = Field(60.0, ge=0, le=3600)
    """Once the model is back, fallbacks are upgraded spread over this time."""

    # revisions
    revise_after_seconds: float = Field(60.0, ge=0)
    """A change after the package is taken up once the session has been quiet this long: saves a fifth of the drafts."""
    revise_window_seconds: float = Field(86_400.0, ge=0)
    """Changes later than this after the first package yield no revision."""
    revise_limit: int = Field(5, ge=0)
    """Revisions by change per request; 0 turns them off."""

    # retention
    retention_days: float = Field(0.0, ge=0)
    """Sessions that were quiet for so long, nothing of theirs being due, lose their content; 0 keeps everything."""
    key_retention_days: float = Field(0.0, ge=0)
    """So long after that their ids go: more than topics keep records, lest old ones be answered anew; 0 keeps them."""

    # relay
    relay_batch_rows: int = Field(500, ge=1, le=10_000)
    """Events per Kafka transaction."""
    relay_transaction_seconds: float = Field(15.0, ge=1, le=60)
    """A killed relay's open transaction hides later events from readers for so long at most."""

    # the end
    drain_seconds: float = Field(20.0, gt=0, le=24)
    """On SIGTERM: how long work under way may take before it is released; the exit follows within 25 s."""

    @field_validator("fallback_model")
    @classmethod
    def _none(cls, name: str | None) -> str | None:
        return None if name == "none" else name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.redaction_key is not None and len(self.redaction_key.get_secret_value()) < 16:
            raise ValueError("ESCALATION_REDACTION_KEY must have 16 characters or more")
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
            lines.append(f"{name}: {problem['msg']}" if name else problem["msg"].removeprefix("Value error, "))
        raise Misconfigured("; ".join(lines)) from None
