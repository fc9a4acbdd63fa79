"""The checks of Kafka: the brokers, the topics, this user's rights, the consumer group. None of them writes."""

import asyncio
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from consumer.adapters.kafka import asking
from consumer.adapters.kafka.asking import BrokerQuestions
from consumer.adapters.kafka.consuming.transactions import open_transactions
from consumer.adapters.kafka.ends import ends_now
from consumer.adapters.kafka.login import NoToken
from consumer.domain.events import TopicPartition as OwnPartition
from consumer.errors import Transient
from consumer.flows.operation.checkup import CannotLook, Finding, broken, doubtful, sound
from schemas.topics import Topics, cleanup_of

KAFKA = "Kafka"
_PRODUCE, _PRODUCE_OF_3_7 = 0, 10
"""The request by which a broker's age is told: Kafka 3.7 takes its version 10 (KIP-951). Brokers do not say theirs."""
_DAY_MS = 86_400_000
_PREPARE = "run `escalation-consumer prepare`"
_ANSWERS = "accepts connections, and does not talk to us"
_REASON_SECONDS = 1.0
_OLD_SECONDS = 10.0
"""A transaction that has been open for longer is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaTarget:
    """What is to be checked, and how the brokers are reached."""

    connection: Mapping[str, Any]
    topics: Topics
    marker_topic: str
    group: str
    transactional_id: str
    key_retention_days: float

    @property
    def names(self) -> tuple[str, ...]:
        """All topics, the relay's own included."""
        return (*self.topics.all, self.marker_topic)

    def asked(self) -> "AbstractAsyncContextManager[BrokerQuestions]":
        return asking.broker_questions(self.connection)


class BrokersCheck:
    """Whether the brokers are reachable, how old they are, and whether the way to them is encrypted."""

    name = KAFKA
    after: str | None = None

    def __init__(self, target: KafkaTarget) -> None:
        self._target = target

    async def findings(self) -> Sequence[Finding]:
        try:
            async with self._target.asked() as questions:
                cluster = await questions.topics([])
                versions = await questions.versions()
        except Transient:
            raise await why_unreached(self._target.connection) from None
        count = len(cluster["brokers"])
        protocol = self._target.connection["security_protocol"]
        reached = f"{count} broker{'s' if count != 1 else ''} of cluster {cluster['cluster_id']}, by {protocol}"
        if versions.get(_PRODUCE, 0) < _PRODUCE_OF_3_7:
            return [
                doubtful(
                    f"{reached}; they are older than Kafka 3.7, or of another make", "upgrade to Kafka 3.7 or newer"
                )
            ]
        return [sound(f"{reached}; Kafka 3.7 or newer"), *self._encryption()]

    def _encryption(self) -> Iterator[Finding]:
        context = self._target.connection.get("ssl_context")
        if isinstance(context, ssl.SSLContext) and context.verify_mode is not ssl.CERT_REQUIRED:
            yield broken("the brokers' certificates are not verified")


async def why_unreached(connection: Mapping[str, Any]) -> CannotLook:
    """Why no broker is reached, as far as a connection of our own tells: the client keeps its reasons to itself."""
    tokens, context = connection.get("sasl_oauth_token_provider"), connection.get("ssl_context")
    if tokens is not None:
        try:
            await tokens.token()
        except NoToken as error:
            return CannotLook(error.reason, "mend what gives the token: the file or the command")
    servers = connection["bootstrap_servers"]
    reasons = await asyncio.gather(*(_reason(server, context) for server in servers))
    text = "; ".join(f"{server.strip()}: {reason}" for server, reason in zip(servers, reasons, strict=True))
    if any("certificate" in reason or "TLS" in reason for reason in reasons):
        return CannotLook(text, "check ESCALATION_KAFKA_SECURITY_PROTOCOL and ESCALATION_KAFKA_SSL_CAFILE")
    if any(reason == _ANSWERS for reason in reasons):
        return CannotLook(
            text, "check ESCALATION_KAFKA_SECURITY_PROTOCOL, and with SASL the mechanism, the user and the password"
        )
    return CannotLook(text, "are the brokers up, and is KAFKA_BOOTSTRAP_SERVERS right?")


async def _reason(server: str, context: ssl.SSLContext | None) -> str:
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        return "is not written as host:port"
    try:
        async with asyncio.timeout(_REASON_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is refused: {error.verify_message}"
    except ssl.SSLError as error:
        return f"speaks no TLS: {error.reason}"
    except ConnectionResetError:
        return "ends the connection" if context is None else "speaks no TLS: it ends the connection"
    except TimeoutError:
        return "does not answer"
    except (OSError, OverflowError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        return os.strerror(number) if number and number > 0 else type(error).__name__
    writer.close()
    return _ANSWERS


class TopicsCheck:
    """Whether all topics are there, and are kept as the contract says."""

    name = "topics"
    after = KAFKA

    def __init__(self, target: KafkaTarget) -> None:
        self._target = target

    async def findings(self) -> Sequence[Finding]:
        async with self._target.asked() as questions:
            described = (await questions.topics(self._target.names))["topics"]
            there = {topic["topic"]: topic for topic in described if topic["error_code"] == 0}
            configs = await questions.configs(sorted(there))
        findings = [*self._missing(described)]
        for name, topic in sorted(there.items()):
            findings += [*_partitions(name, topic), *self._kept(name, configs.get(name))]
        if len(configs) < len(there):
            findings.append(
                doubtful(
                    f"this user may not see the settings of {len(there) - len(configs)} topics",
                    "allow it DescribeConfigs on them",
                )
            )
        if not findings:
            counts = sorted(
                {len(topic["partitions"]) for name, topic in there.items() if name in self._target.topics.all}
            )
            spread = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
            findings.append(sound(f"all {len(there)} are there, with {spread} partitions each, kept as they should be"))
        return findings

    def _missing(self, described: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
        for topic in described:
            if topic["error_code"]:
                error = asking.name_of_error(topic["error_code"])
                missing = error == "UnknownTopicOrPartitionError"
                yield broken(
                    f"{topic['topic']} does not exist, or may not be seen" if missing else f"{topic['topic']}: {error}",
                    _PREPARE if missing else "allow this user Describe, and Read or Write, on it",
                )

    def _kept(self, name: str, config: Mapping[str, str] | None) -> Iterator[Finding]:
        if config is None:
            return
        wanted = cleanup_of(name)
        policy = config.get("cleanup.policy", "")
        if ("compact" in policy) != (wanted == "compact"):
            yield broken(
                f"{name} has cleanup.policy={policy}, which {_harm(wanted)}", _alter(name, f"cleanup.policy={wanted}")
            )
        kept_ms = int(config.get("retention.ms", -1))
        if "delete" in policy and 0 <= kept_ms < _DAY_MS:
            hours = kept_ms / 3_600_000
            yield doubtful(
                f"{name} keeps records for {hours:.1f} hours: a service that is away for longer loses some",
                _alter(name, "retention.ms=604800000"),
            )
        days = self._target.key_retention_days
        forgets_first = bool(days) and (kept_ms < 0 or kept_ms > days * _DAY_MS)
        if forgets_first and wanted == "delete" and name in (*self._target.topics.live, *self._target.topics.replay):
            yield doubtful(
                f"{name} keeps records for longer than ESCALATION_KEY_RETENTION_DAYS={days:g}: old ones that are "
                "read again are answered again",
                "set ESCALATION_KEY_RETENTION_DAYS to more days than that, or 0",
            )


def _harm(wanted: str) -> str:
    if wanted == "compact":
        return "lets policies of tenants expire"
    return "drops records of a session that others still need"


def _alter(name: str, config: str) -> str:
    return (
        f"kafka-configs.sh --bootstrap-server … --alter --entity-type topics --entity-name {name} --add-config {config}"
    )


def _partitions(name: str, topic: Mapping[str, Any]) -> Iterator[Finding]:
    partitions = topic["partitions"]
    leaderless = [str(partition["partition"]) for partition in partitions if partition["leader"] < 0]
    if leaderless:
        yield broken(f"{name}: no leader for partition {', '.join(leaderless)}", "start the brokers that hold it")
    lagging = sum(len(partition["isr"]) < len(partition["replicas"]) for partition in partitions)
    if lagging and not leaderless:
        yield doubtful(f"{name}: {lagging} partitions have a replica that is behind or away", "look at the brokers")


class KafkaRightsCheck:
    """What this user may do: the brokers are asked, nothing is tried."""

    name = "rights at Kafka"
    after = KAFKA

    def __init__(self, target: KafkaTarget) -> None:
        self._target = target

    async def findings(self) -> Sequence[Finding]:
        topics = self._target.topics
        async with self._target.asked() as questions:
            described = (await questions.topics(self._target.names))["topics"]
            group = await questions.group(self._target.group)
            fenced = await self._transactional(questions)
        rights = {topic["topic"]: topic["authorized_operations"] for topic in described if topic["error_code"] == 0}
        findings = [*fenced]
        only_read = (*topics.live, *topics.replay, self._target.marker_topic)  # no record is ever written to the marker
        for name in (*only_read, *topics.written):
            needed = (asking.READ,) if name in only_read else (asking.READ, asking.WRITE)
            findings += _lacking(f"topic {name}", rights.get(name, asking.UNASKED), needed)
        findings += _lacking(f"group {self._target.group}", group["authorized_operations"], (asking.READ,))
        return findings or [
            sound("may read the topics in, write the topics out, commit in its group, and find its transactions")
        ]

    async def _transactional(self, questions: BrokerQuestions) -> Sequence[Finding]:
        """Finding the coordinator needs Describe. Whether the id may be used is known from its first use alone."""
        try:
            await questions.transactions(self._target.transactional_id)
        except KafkaError as error:
            return [
                broken(
                    f"transactional id {self._target.transactional_id}: {type(error).__name__}",
                    "allow this user Describe and Write on it",
                )
            ]
        return []


def _lacking(what: str, rights: int, needed: Sequence[int]) -> Iterator[Finding]:
    if rights == asking.UNASKED:
        return
    names = {asking.READ: "Read", asking.WRITE: "Write"}
    lacking = [names[operation] for operation in needed if not rights & (1 << operation)]
    if lacking:
        yield broken(f"{what}: this user may not {' and '.join(lacking)}", f"allow it {' and '.join(lacking)}")


class GroupCheck:
    """Who reads, and how far behind they are."""

    name = "consumer group"
    after = KAFKA

    def __init__(self, target: KafkaTarget) -> None:
        self._target = target

    async def findings(self) -> Sequence[Finding]:
        target = self._target
        inputs = (*target.topics.live, *target.topics.replay)
        async with target.asked() as questions:
            described = await questions.group(target.group)
            topics = (await questions.topics(inputs))["topics"]
        partitions = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in topics
            if topic["error_code"] == 0
            for partition in topic["partitions"]
        ]
        lag, unread, hidden = await self._lag(partitions)
        members, state = len(described["members"]), described["state"]
        said = f"{target.group} has {members} member{'s' if members != 1 else ''}, {lag} records behind"
        said += f", {sum(hidden.values())} of them hidden behind open transactions" if hidden else ""
        said += f", and {unread} partitions that it has never read" if unread else ""
        if not members:
            return [doubtful(f"{said}: no service runs", "start one by `escalation-consumer run`")]
        if state != "Stable":
            return [doubtful(f"{said}; it is {state}, which passes within a minute", "look again")]
        return [sound(said), *await self._holders(hidden)]

    async def _lag(self, partitions: Sequence[TopicPartition]) -> tuple[int, int, Mapping[TopicPartition, int]]:
        """Records behind; partitions that have records and no committed offset; records that open transactions hide."""
        positions = await asking.committed(self._target.connection, self._target.group)
        readable = await ends_now(self._target.connection, partitions, "read_committed")
        newest = await ends_now(self._target.connection, partitions, "read_uncommitted")
        behind = sum(max(0, end - positions[at]) for at, end in newest.items() if at in positions)
        hidden = {at: end - readable[at] for at, end in newest.items() if end > readable[at]}
        return behind, sum(end > 0 for at, end in newest.items() if at not in positions), hidden

    async def _holders(self, hidden: Mapping[TopicPartition, int]) -> Sequence[Finding]:
        """A transaction that is under way is no trouble; one that is old is."""
        if not hidden:
            return []
        opened = await open_transactions(self._target.connection, [OwnPartition(*at) for at in hidden])
        old = [each for each in opened if (datetime.now(UTC) - each.since).total_seconds() > _OLD_SECONDS]
        return [doubtful(str(each), "ask its owner to end it: docs/operations.md, `A stuck partition`") for each in old]
