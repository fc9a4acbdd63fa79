"""What the servers lock their doors with, and how Kafka is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """Certificates, users and passwords. Files are PEM."""

    authority: Path
    """The certificate of who signed the servers' certificate, and clients'."""
    certificate: Path
    """The servers' own, for 127.0.0.1, with its key in the same file (as PKCS 8)."""
    kafka_users: Mapping[str, str]
    """Passwords of Kafka's users, for both kinds of SCRAM and for PLAIN."""
    token_keys: Path
    """A set of JSON web keys: who signs the tokens for OAUTHBEARER."""
    token_audience: str
    redis_users: Sequence[str]
    """Lines of Redis's ACL file."""

    def kafka_settings(self) -> dict[str, object]:
        """For logins by SASL or by certificate, and rights by ACL alone."""
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        users = " ".join(f'user_{name}="{password}"' for name, password in self.kafka_users.items())
        sasl = "listener.name.sasl_ssl"
        return {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # the open door
            "allow.everyone.if.no.acl.found": "false",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.certificate,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority,
            "listener.name.ssl.ssl.client.auth": "required",
            "listener.name.ssl.ssl.principal.mapping.rules": r"RULE:^.*CN=([^,]*).*$/$1/",
            f"{sasl}.sasl.enabled.mechanisms": ",".join((*SCRAM, "PLAIN", "OAUTHBEARER")),
            **{f"{sasl}.{name.lower()}.sasl.jaas.config": scram for name in SCRAM},
            f"{sasl}.plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
            ),
            f"{sasl}.oauthbearer.sasl.jaas.config": (
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
            ),
            f"{sasl}.oauthbearer.sasl.server.callback.handler.class": (
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
            f"{sasl}.oauthbearer.sasl.oauthbearer.jwks.endpoint.url": self.token_keys.absolute().as_uri(),
            f"{sasl}.oauthbearer.sasl.oauthbearer.expected.audience": self.token_audience,
            # Connections end when their token does, and nobody's lives for longer than this.
            f"{sasl}.oauthbearer.connections.max.reauth.ms": 3_600_000,
        }

    def kafka_flag(self) -> str:
        """The JVM reads keys of tokens from no place but this."""
        return f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self.token_keys.absolute().as_uri()}"

    def scram_records(self) -> tuple[str, ...]:
        """For the format of a new cluster."""
        return tuple(
            f"{mechanism}=[name={name},password={password}]"
            for mechanism in SCRAM
            for name, password in self.kafka_users.items()
        )
