"""The settings of the ways to Kafka, PostgreSQL and Redis: addresses, encryption, and how the service logs in."""

import shlex
import shutil
import ssl
from typing import Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from consumer import setting_types as types


class ServerSettings(BaseSettings):
    """A part of `Settings`, with its rules: what belongs together is refused when half of it is missing."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    kafka_bootstrap_servers: str = Field("localhost:9092", validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS"))
    """Kafka's brokers, each as host:port, separated by commas."""
    kafka_security_protocol: str = Field("PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    """The protocol of connections to Kafka. With SSL in its name, certificate and host name are verified."""
    kafka_sasl_mechanism: str = Field("PLAIN", pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER)$")
    """How to log in to Kafka. For SASL protocols only."""
    kafka_sasl_username: str | None = None
    """The user name at Kafka. For SASL protocols only."""
    kafka_sasl_password: SecretStr | None = None
    """The password at Kafka. For SASL protocols only."""
    kafka_oauth_token: types.Key = None
    """A token for OAUTHBEARER. As a file (`…_FILE`) it is read anew for each connection."""
    kafka_oauth_command: types.OptionalText = None
    """A command that prints a token for OAUTHBEARER, alone or as JSON with `access_token` and `expires_in`. No shell
    runs it. It is run again when the token is about to expire.
    """
    kafka_oauth_command_seconds: float = Field(4.0, gt=0, le=8)
    """How long ESCALATION_KAFKA_OAUTH_COMMAND may take before it is ended. A client does not wait longer."""
    kafka_ssl_cafile: types.CertificateFile = None
    """A file with the certificate authorities to trust. Without it the system's are trusted."""
    kafka_ssl_certfile: types.OptionalText = None
    """A file with this service's own certificate, and those between it and its authority (mutual TLS)."""
    kafka_ssl_keyfile: types.OptionalText = None
    """The file with the key of ESCALATION_KAFKA_SSL_CERTFILE; without it the key stands in that file."""
    kafka_ssl_key_password: SecretStr | None = None
    """The password of that key, where it has one."""

    database_url: types.PostgresUrl = Field(
        SecretStr("postgresql://localhost/escalation"), validation_alias=AliasChoices("DATABASE_URL")
    )
    """The URL of PostgreSQL. Each environment needs a database of its own. No PG… variable may complete it.

    It may name several hosts, separated by commas: the writable one is used.
    """
    database_read_url: types.OptionalPostgresUrl = None
    """The same database for a role that may only read: for the console's pages and the commands that only look.

    Without it they come by DATABASE_URL.
    """
    database_pooler: str = Field("auto", pattern="^(auto|transaction)$")
    """Whether a pooler such as PgBouncer in transaction mode stands before PostgreSQL: `transaction` says so.

    `auto` finds out, but a pooler that passes on the process ids of PostgreSQL's sessions stays unnoticed.
    """
    redis_url: types.RedisUrl = Field(None, validation_alias=AliasChoices("REDIS_URL"))
    """The URL of Redis. It is only a cache: its loss costs speed and nothing else. Without it there is no cache."""

    @model_validator(mode="after")
    def _kafka_is_consistent(self) -> Self:
        protocol = self.kafka_security_protocol
        if protocol.startswith("SASL"):
            _insist_on_login(self)
        if not protocol.endswith("SSL") and (self.kafka_ssl_certfile or self.kafka_ssl_keyfile):
            raise ValueError(
                f"ESCALATION_KAFKA_SSL_CERTFILE: ESCALATION_KAFKA_SECURITY_PROTOCOL={protocol} shows no certificate"
            )
        if self.kafka_ssl_keyfile and not self.kafka_ssl_certfile:
            raise ValueError("ESCALATION_KAFKA_SSL_KEYFILE needs ESCALATION_KAFKA_SSL_CERTFILE")
        if self.kafka_ssl_certfile:
            insist_on_certificate(self.kafka_ssl_certfile, self.kafka_ssl_keyfile, self.kafka_ssl_key_password)
        return self


def _insist_on_login(settings: ServerSettings) -> None:
    """Raises ValueError for what is missing to log in by SASL."""
    protocol = settings.kafka_security_protocol
    if settings.kafka_sasl_mechanism != "OAUTHBEARER":
        if not (settings.kafka_sasl_username and settings.kafka_sasl_password):
            raise ValueError(
                f"ESCALATION_KAFKA_SECURITY_PROTOCOL={protocol} needs "
                "ESCALATION_KAFKA_SASL_USERNAME and ESCALATION_KAFKA_SASL_PASSWORD"
            )
        return
    if (settings.kafka_oauth_token is None) == (settings.kafka_oauth_command is None):
        raise ValueError(
            "ESCALATION_KAFKA_SASL_MECHANISM=OAUTHBEARER needs one of ESCALATION_KAFKA_OAUTH_TOKEN_FILE and "
            "ESCALATION_KAFKA_OAUTH_COMMAND"
        )
    if settings.kafka_oauth_command is not None:
        try:
            program = command_words(settings.kafka_oauth_command)[0]
        except ValueError:
            raise ValueError("ESCALATION_KAFKA_OAUTH_COMMAND: a quotation mark is not closed") from None
        if shutil.which(program) is None:
            raise ValueError(f"ESCALATION_KAFKA_OAUTH_COMMAND: {program} is no program that can be run")


def command_words(command: str) -> tuple[str, ...]:
    """The program and its arguments, split as a shell does. Raises ValueError for an open quotation mark."""
    return tuple(shlex.split(command))


def insist_on_certificate(certificate: str, key: str | None, password: SecretStr | None) -> None:
    """Raises ValueError where the certificate and its key cannot be used together. Never asks for a password."""
    given = "" if password is None else password.get_secret_value()
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: given)
    except ssl.SSLError as error:
        reason = error.reason or "the password of the key is wrong or missing"
        raise ValueError(f"ESCALATION_KAFKA_SSL_CERTFILE: certificate and key cannot be used: {reason}") from None
    except OSError as error:
        raise ValueError(f"ESCALATION_KAFKA_SSL_CERTFILE: cannot be read: {error.strerror}") from None
