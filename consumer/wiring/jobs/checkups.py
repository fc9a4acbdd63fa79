"""The checks of `doctor`, each with what it needs to look."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from consumer.adapters.certificates import CertificatesCheck, TlsServer
from consumer.adapters.kafka.checkup import BrokersCheck, GroupCheck, KafkaRightsCheck, KafkaTarget, TopicsCheck
from consumer.adapters.kafka.client import connection
from consumer.adapters.postgres.operation.checkup import ClockCheck, PostgresCheck, TablesCheck
from consumer.adapters.readiness import ReadinessCheck
from consumer.adapters.redis.checkup import RedisCheck
from consumer.flows.operation.checkup import Checkup
from consumer.flows.relay import ports as relay
from consumer.providers import ModelAccess
from consumer.settings import Settings
from consumer.wiring.database import database
from consumer.wiring.model import client_for
from consumer.wiring.values import consumer_group
from schemas.topics import Topics

_TLS_MODES = frozenset({"require", "verify-ca", "verify-full"})
_CONNECTIONS = 3  # the checks of PostgreSQL ask at once


@contextlib.asynccontextmanager
async def server_checks(settings: Settings) -> AsyncIterator[list[Checkup]]:
    """Yields the checks of all servers, those that reach one before those that ask it more."""
    kafka = _kafka(settings)
    redis = None if settings.redis_url is None else settings.redis_url.get_secret_value()
    access = settings.model_access
    async with database(settings, name="doctor", max_size=_CONNECTIONS) as pool:
        checks: list[Checkup] = [
            BrokersCheck(kafka),
            TopicsCheck(kafka),
            KafkaRightsCheck(kafka),
            GroupCheck(kafka),
            PostgresCheck(pool, where=_where(settings.database_url.get_secret_value())),
            TablesCheck(pool, has_key=settings.redaction_key is not None),
            ClockCheck(pool, now=lambda: datetime.now(UTC)),
            RedisCheck(redis),
            CertificatesCheck(servers=tls_servers(settings), files=tls_files(settings), now=lambda: datetime.now(UTC)),
            ReadinessCheck(settings.http_host, settings.http_port),
        ]
        if access is not None:
            checks.append(await asyncio.to_thread(model_check, settings, access))
        yield checks


def _kafka(settings: Settings) -> KafkaTarget:
    prefix = settings.topic_prefix
    return KafkaTarget(
        connection=connection(settings),
        topics=Topics(prefix),
        marker_topic=prefix + relay.MARKER_TOPIC,
        group=consumer_group(settings),
        transactional_id=prefix + relay.NAME,
        key_retention_days=settings.key_retention_days,
    )


def tls_servers(settings: Settings) -> list[TlsServer]:
    """Those that are reached by TLS, and show a certificate."""
    servers = []
    if settings.kafka_security_protocol.endswith("SSL"):
        for address in settings.kafka_bootstrap_servers.split(","):
            host, _, port = address.strip().rpartition(":")
            servers.append(TlsServer(title="Kafka", host=host.strip("[]"), port=int(port)))
    database = urlsplit(settings.database_url.get_secret_value())
    if parse_qs(database.query).get("sslmode", ["prefer"])[-1] in _TLS_MODES:
        for address in database.netloc.rpartition("@")[2].split(","):
            parts = urlsplit(f"//{address}")
            servers.append(
                TlsServer(title="PostgreSQL", host=parts.hostname or "", port=parts.port or 5432, postgres=True)
            )
    redis = urlsplit("" if settings.redis_url is None else settings.redis_url.get_secret_value())
    if redis.scheme == "rediss":
        servers.append(TlsServer(title="Redis", host=redis.hostname or "", port=redis.port or 6379))
    return servers


def tls_files(settings: Settings) -> list[tuple[str, str]]:
    """The files of certificates that the settings name, each with its setting."""
    named = {
        "ESCALATION_KAFKA_SSL_CAFILE": settings.kafka_ssl_cafile,
        "ESCALATION_KAFKA_SSL_CERTFILE": settings.kafka_ssl_certfile,
    }
    for variable, url in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        query = parse_qs(urlsplit("" if url is None else url.get_secret_value()).query)
        for part in ("sslrootcert", "sslcert", "ssl_ca_certs", "ssl_certfile"):
            named[f"{part} of {variable}"] = query.get(part, [None])[-1]
    return [(setting, path) for setting, path in named.items() if path]


def model_check(settings: Settings, access: ModelAccess) -> Checkup:
    """Loads the SDK, which takes seconds. Must not run in the event loop."""
    from consumer.adapters.anthropic.checkup import ModelKeyCheck

    models = dict.fromkeys(filter(None, (settings.model, settings.fallback_model, settings.check_model)))
    return ModelKeyCheck(lambda: client_for(settings, access), provider=access.provider, models=tuple(models))


def _where(url: str) -> str:
    """The address and the database, without user and password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2] or 'the local socket'}{parts.path}"
