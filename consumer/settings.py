"""Settings from the environment: unit, default and reason of each. A wrong one is refused at the start, by name."""

import os
from typing import Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from consumer import environment, exposure, providers, setting_sources
from consumer import setting_types as types
from consumer.errors import Misconfigured
from consumer.providers import ModelAccess
from consumer.server_settings import ServerSettings

PREFIX = "ESCALATION_"


def _named(*names: str) -> AliasChoices:
    """Of several the first one counts that is set."""
    return AliasChoices(*names)


class Settings(ServerSettings):
    """Everything that can be set. Secrets never appear in a repr, a log or an error."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        allow_inf_nan=False,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        populate_by_name=True,
    )

    # connections
    model_provider: str = Field("anthropic", pattern="^(anthropic|bedrock|vertex|foundry)$")
    """Where the model runs: the Messages API, Amazon Bedrock, Google Vertex AI or Microsoft Foundry."""
    anthropic_api_key: types.Key = Field(None, validation_alias=_named("ANTHROPIC_API_KEY"))
    """The key of the Messages API. Without it, and without another provider, rules draft every package."""
    anthropic_base_url: types.HttpAddress = Field(
        "https://api.anthropic.com", validation_alias=_named("ANTHROPIC_BASE_URL")
    )
    """The address of the Messages API, or of a gateway that speaks it."""
    anthropic_custom_headers: types.HeaderLines = Field(None, validation_alias=_named("ANTHROPIC_CUSTOM_HEADERS"))
    """Headers for a gateway, sent with every call: lines as `Name: value`."""
    aws_region: types.OptionalText = Field(None, validation_alias=_named("AWS_REGION", "AWS_DEFAULT_REGION"))
    """The region of Amazon Bedrock, else AWS_DEFAULT_REGION. A profile's region does not count."""
    aws_bearer_token_bedrock: types.Key = Field(None, validation_alias=_named("AWS_BEARER_TOKEN_BEDROCK"))
    """A key of Amazon Bedrock. Without it the usual AWS credentials sign each call."""
    aws_endpoint_url: types.OptionalText = Field(
        None,
        validation_alias=_named("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL", "ANTHROPIC_BEDROCK_BASE_URL"),
    )
    """Another address of Amazon Bedrock, such as a VPC endpoint's; else AWS_ENDPOINT_URL's."""
    vertex_region: types.OptionalText = Field(None, validation_alias=_named("CLOUD_ML_REGION"))
    """The region of Google Vertex AI; `eu` and `us` are multi-regions, `global` is anywhere."""
    vertex_project: types.OptionalText = Field(
        None, validation_alias=_named("ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_PROJECT")
    )
    """The project that pays for Google Vertex AI, else GOOGLE_CLOUD_PROJECT."""
    vertex_base_url: types.OptionalText = Field(None, validation_alias=_named("ANTHROPIC_VERTEX_BASE_URL"))
    """Another address of Google Vertex AI, with its /v1."""
    foundry_resource: types.OptionalText = Field(None, validation_alias=_named("ANTHROPIC_FOUNDRY_RESOURCE"))
    """The name of the resource in Microsoft Foundry; its region is where the model runs."""
    foundry_api_key: types.Key = Field(None, validation_alias=_named("ANTHROPIC_FOUNDRY_API_KEY"))
    """A key of the resource. Without it the usual Azure credentials (Entra ID) log in."""
    foundry_base_url: types.OptionalText = Field(None, validation_alias=_named("ANTHROPIC_FOUNDRY_BASE_URL"))
    """The address of the resource, instead of its name."""
    http_proxy: types.ProxyUrl = Field(None, validation_alias=_named("HTTP_PROXY"))
    """The proxy to a model at an http:// address, as http://, https:// or socks5://user:password@host:port."""
    https_proxy: types.ProxyUrl = Field(None, validation_alias=_named("HTTPS_PROXY"))
    """The proxy to a model at an https:// address. Of these variables, those in lower case count first."""
    all_proxy: types.ProxyUrl = Field(None, validation_alias=_named("ALL_PROXY"))
    """The proxy to the model when its address has none of its own."""
    no_proxy: str = Field("", validation_alias=_named("NO_PROXY"))
    """Hosts, domains, addresses and networks, separated by commas, that are reached without a proxy."""
    ssl_cert_file: types.CertificateFile = Field(None, validation_alias=_named("SSL_CERT_FILE"))
    """A file with the certificate authorities to trust instead of the system's: for the model, and for Kafka and Redis
    where their own settings name none. For PostgreSQL `sslrootcert` in DATABASE_URL names them.
    """
    ssl_cert_dir: types.CertificateFolders = Field(None, validation_alias=_named("SSL_CERT_DIR"))
    """As SSL_CERT_FILE, a folder of them."""
    redaction_key: SecretStr | None = None
    """The key for fingerprints of secrets, 16 characters or more. Without it `prepare` makes one and stores it."""
    redaction_other_keys: types.Keys = None
    """Further keys, one a line: fingerprints that were made with them are recognised too. For a rotation."""
    require_tls: bool = False
    """Whether to refuse connections beyond loopback whose other end is not verified by TLS; else they are only told."""

    # names
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]*$", max_length=100)
    """Put before names of topics, groups, transactional ids and Redis keys, so that environments can share servers."""
    topic_partitions: int | None = Field(None, ge=1, le=1000)
    """How many partitions `prepare` gives each new topic; without it 6. An existing topic with another number is
    refused: with other partitions, events of one session would lie in two of them, out of order.
    """
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
    """The address of the console, /livez, /readyz and /metrics. Beyond loopback the console needs a token."""
    http_port: int = Field(8080, ge=0, le=65535)
    """The port of the console, /livez, /readyz and /metrics. 0 takes a free port and logs it."""
    console_token: types.LongKey = None
    """What signs an operator in to the console, 16 characters or more. Without it the console only reads."""
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
    fallback_model: types.OptionalModel = "claude-sonnet-5"
    """The model that is asked once when the first one refuses; `none` turns this off."""
    check_model: types.OptionalModel = "claude-haiku-5-5"
    """The second reader: a small model that checks each answer against the records; `none` turns this off."""
    model_max_tokens: int = Field(1400, ge=256, le=16000)
    """The most visible tokens of an answer. The contract's package fits in."""
    model_attempt_seconds: float = Field(45.0, gt=0, le=600)
    """How long one call may take. Most answers take 10 s; the 99th percentile of a slow day is 60 s."""
    model_concurrency: int = Field(8, ge=1, le=256)
    """How many model calls one process makes at once."""
    monthly_budget_usd: float | None = Field(None, ge=0, le=1_000_000_000)
    """What calls to models may cost in a calendar month (UTC), all tenants together; beyond it rules draft."""
    lease_seconds: float = Field(20.0, ge=1, le=600)
    """How long work stays reserved without a sign of life. After a kill it is taken up again this much later."""
    deadline_margin_seconds: float = Field(3.0, ge=0.5, le=60)
    """How long before a request's deadline its fallback is written, so that it is published in time."""
    draft_cache_seconds: int = Field(86_400, ge=1, le=31_536_000)
    """How long Redis keeps a draft. A day is the window in which revisions come."""
    model_probe_seconds: float = Field(10.0, ge=0.1, le=600)
    """While the model is away, all replicas together call it at most once in this time."""
    upgrade_spread_seconds: float = Field(60.0, ge=0, le=3600)
    """When the model is back, the upgrades of fallbacks are spread over this time."""

    # revisions
    revise_after_seconds: float = Field(60.0, ge=0, le=31_536_000)
    """How long a session must be quiet before a change leads to a revision. The wait saves a fifth of the drafts."""
    revise_window_seconds: float = Field(86_400.0, ge=0, le=31_536_000)
    """How long after the first package a change still leads to a revision."""
    revise_limit: int = Field(5, ge=0, le=1000)
    """How many revisions by change a request gets at most; 0 turns them off."""

    # retention
    retention_days: float = Field(0.0, ge=0, le=36_500)
    """How long a session must be quiet, with no work due, before its content is deleted; 0 keeps everything."""
    key_retention_days: float = Field(0.0, ge=0, le=36_500)
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

    _secret_files: dict[str, str] = PrivateAttr(default_factory=dict)

    def model_post_init(self, _: object) -> None:
        """Remembers which secrets came from files, to read them again when they are replaced."""
        self._secret_files = setting_sources.secret_files(type(self), os.environ)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Of two spellings of a variable the one in lower case counts."""
        if isinstance(env_settings, EnvSettingsSource):
            env_settings.env_vars = {**env_settings.env_vars, **environment.lower_case_first(os.environ)}
        return init_settings, env_settings, setting_sources.SecretFiles(settings_cls)

    @property
    def model_access(self) -> ModelAccess | None:
        """How the model is reached; None if it is the Messages API and has no key: then rules draft."""
        match self.model_provider:
            case "bedrock":
                key = _revealed(self.aws_bearer_token_bedrock)
                return providers.of_bedrock(key=key, region=self.aws_region, url=self.aws_endpoint_url)
            case "vertex":
                return providers.of_vertex(
                    region=self.vertex_region, project=self.vertex_project, url=self.vertex_base_url
                )
            case "foundry":
                key = _revealed(self.foundry_api_key)
                return providers.of_foundry(key=key, resource=self.foundry_resource, url=self.foundry_base_url)
            case _:
                return providers.of_anthropic(key=_revealed(self.anthropic_api_key), url=self.anthropic_base_url)

    def without_model(self) -> Self:
        """The same settings, with which rules draft."""
        return self.model_copy(update={"model_provider": "anthropic", "anthropic_api_key": None})

    @property
    def model_proxy(self) -> SecretStr | None:
        """The proxy to the model; None: it is reached directly."""
        field = self._proxy_field()
        return None if field is None else getattr(self, field)

    def proxy_to(self, url: str) -> str | None:
        """The proxy to an address beside the model's; None: it is reached directly."""
        field = self._proxy_to(urlsplit(url))
        return None if field is None else getattr(self, field).get_secret_value()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.redaction_key is not None and len(self.redaction_key.get_secret_value()) < 16:
            raise ValueError("ESCALATION_REDACTION_KEY must have 16 characters or more")
        access = self.model_access
        if access is not None:
            providers.insist_on_extra(access)
            models = {variable_of(name): getattr(self, name) for name in ("model", "fallback_model", "check_model")}
            providers.insist_on_ids(access, models)
            if (field := self._proxy_field()) is not None:
                providers.insist_on_socks(getattr(self, field).get_secret_value(), variable_of(field))
        if self.key_retention_days and not self.retention_days:
            raise ValueError(
                "ESCALATION_KEY_RETENTION_DAYS needs ESCALATION_RETENTION_DAYS: content goes before its keys"
            )
        if self.require_tls and self.unprotected:
            raise ValueError(f"ESCALATION_REQUIRE_TLS is set: {'; '.join(self.unprotected)}")
        return self

    @property
    def unprotected(self) -> tuple[str, ...]:
        """A sentence for each connection beyond loopback that others can read or answer."""
        return exposure.unprotected(
            kafka_servers=self.kafka_bootstrap_servers,
            kafka_protocol=self.kafka_security_protocol,
            database_urls=tuple(filter(None, map(_revealed, (self.database_url, self.database_read_url)))),
            redis_url=_revealed(self.redis_url),
            model_url=None if self.model_access is None else self.model_access.url,
        )

    def renewed(self, field: str) -> "setting_sources.RenewedSecret":
        """A secret as its file holds it whenever it is asked for; one of the environment stays as it is."""
        return setting_sources.RenewedSecret(
            _revealed(getattr(self, field)), setting_sources.SecretFile.of(type(self), field, self._secret_files)
        )

    @property
    def behind_pooler(self) -> bool:
        """Whether the settings say that a transaction pooler stands before PostgreSQL."""
        return self.database_pooler == "transaction"

    def _proxy_field(self) -> str | None:
        access = self.model_access
        return self._proxy_to(urlsplit(self.anthropic_base_url if access is None else access.url))

    def _proxy_to(self, address: SplitResult) -> str | None:
        if environment.spared(address, self.no_proxy):
            return None
        return next((field for field in (f"{address.scheme}_proxy", "all_proxy") if getattr(self, field)), None)


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def variable_of(field: str) -> str:
    """The environment variable of a settings field."""
    return setting_sources.variables(Settings)[field][0]


def read_settings() -> Settings:
    """The settings of this process's environment and of its files of secrets.

    Raises Misconfigured, naming every wrong or misspelt variable and the reason.
    """
    problems = setting_sources.misspelt(Settings, os.environ)
    settings = None
    try:
        settings = Settings()
    except Misconfigured as error:
        problems.append(str(error))
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            place = str(problem["loc"][0]) if problem["loc"] else ""
            name = variable_of(place) if place in Settings.model_fields else place
            reason = problem["msg"].removeprefix("Value error, ")
            problems.append(f"{name}: {reason}" if name else reason)
    if settings is None or problems:
        raise Misconfigured("; ".join(problems))
    return settings
