"""What every Kafka client of this service shares: the settings of its connection, and who is at fault."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError

from consumer.adapters.kafka import login
from consumer.domain.events import Origin, Record
from consumer.errors import Transient
from consumer.flows.pacing import is_asked_to_end
from consumer.flows.relay.ports import BrokerAway
from consumer.server_settings import command_words
from consumer.settings import Settings

AWAY = (KafkaError, OSError, TimeoutError)
"""Errors that aiokafka raises while the brokers are unreachable or slow."""

BOUND_SECONDS = 10.0
"""For a step that only asks."""
CLOSE_SECONDS = 3.0

CLIENT_ID = "escalation-consumer"


class KafkaConnection(Mapping[str, Any]):
    """The keyword arguments for any aiokafka client: addresses and security. Never log them.

    Each client that is made of them gets the password as it is then. Hazard: make no dict of them and keep it.
    """

    def __init__(self, fixed: Mapping[str, Any], password: Callable[[], str] | None = None) -> None:
        self._fixed = dict(fixed)
        self._password = password

    def __getitem__(self, name: str) -> Any:
        if name == "sasl_plain_password" and self._password is not None:
            return self._password()
        return self._fixed[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._fixed
        if self._password is not None:
            yield "sasl_plain_password"

    def __len__(self) -> int:
        return len(self._fixed) + (self._password is not None)


def connection(settings: Settings) -> KafkaConnection:
    """Returns what any aiokafka client is made of. Raises OSError for certificates that went since the start."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "client_id": CLIENT_ID,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        files = login.TlsFiles(
            authorities=settings.kafka_ssl_cafile,
            certificate=settings.kafka_ssl_certfile,
            key=settings.kafka_ssl_keyfile,
        )
        arguments["ssl_context"] = login.RenewedContext.of(files, settings.renewed("kafka_ssl_key_password"))
    if not settings.kafka_security_protocol.startswith("SASL"):
        return KafkaConnection(arguments)
    mechanism = arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
    if mechanism == "OAUTHBEARER":
        command = settings.kafka_oauth_command
        arguments["sasl_oauth_token_provider"] = login.TokenProvider(
            held=settings.renewed("kafka_oauth_token"),
            command=() if command is None else command_words(command),
            seconds=settings.kafka_oauth_command_seconds,
        )
        return KafkaConnection(arguments)
    arguments["sasl_plain_username"] = settings.kafka_sasl_username
    secret = settings.renewed("kafka_sasl_password")
    if mechanism == "PLAIN":
        return KafkaConnection(arguments, lambda: secret() or "")
    return KafkaConnection(arguments, lambda: login.RenewedPassword.of(secret))


@asynccontextmanager
async def brokers_reachable() -> AsyncIterator[None]:
    """Raises Transient for every error that says that Kafka is unreachable."""
    try:
        yield
    except AWAY as error:
        raise Transient(f"Kafka: {type(error).__name__}; are the brokers up, and is the address right?") from error


def origin_of(record: Any) -> Origin:
    """Where aiokafka's record stands; those of the oldest format have no time."""
    return Origin(record.topic, record.partition, record.offset, -1 if record.timestamp is None else record.timestamp)


def records_of(batches: Mapping[Any, Sequence[Any]]) -> list[Record]:
    """What a poll gave, in the order of its partitions."""
    return [
        # As `origin_of`, without a call for each of millions of records.
        Record(
            Origin(polled.topic, polled.partition, polled.offset, -1 if polled.timestamp is None else polled.timestamp),
            polled.key,
            polled.value,
            polled.headers,
        )
        for records in batches.values()
        for polled in records
    ]


@asynccontextmanager
async def bounded(what: str, seconds: float) -> AsyncIterator[None]:
    """Raises BrokerAway for a time-out and for any error of Kafka inside; a cancellation of our own task passes."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except asyncio.CancelledError as error:
        if is_asked_to_end(error):
            raise
        raise BrokerAway(f"Kafka: could not {what}: its client gave up") from None  # the client cancels its own futures
    except TimeoutError as error:
        raise BrokerAway(f"Kafka: could not {what} within {seconds:g} s") from error
    except (KafkaError, OSError, AssertionError) as error:  # the client asserts its own state
        text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise BrokerAway(f"Kafka: could not {what}: {text}") from error


async def quietly(closing: Any) -> None:
    """Awaits `closing` for CLOSE_SECONDS at most, then cancels it; drops its errors."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait({task}, timeout=CLOSE_SECONDS)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
