"""Checks what must hold after every run, whatever failed, from topics, tables and all other output.

`Oracle.check` raises AssertionError with every complaint. It trusts the input topics and nothing that the service says.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import redis.asyncio as redis
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from jsonschema import Draft202012Validator

from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.domain.events import Origin, Record
from schemas.topics import Topics
from tests.support import expected, leaks, package_checks

_GENERATED = Path(__file__).resolve().parents[2] / "schemas" / "generated"
_SHOWN = 15
_FILTERS = ("revision", "status", "cause", "note_key")

SessionName = tuple[str, str]
RequestName = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Everything that can be read after a run."""

    input: list[Record]
    ready: list[Record]
    failed: list[Record]
    dead_letters: list[Record]
    tables: dict[str, list[dict[str, Any]]]

    @property
    def published(self) -> list[dict[str, Any]]:
        """Events of both outcome topics, in the order of their topic."""
        return [json.loads(record.value or b"") for record in (*self.ready, *self.failed)]

    def packages(self) -> list[dict[str, Any]]:
        """The data of every package, in order."""
        return [event["data"] for event in self.published if event["type"] == "escalation.package_ready.v1"]


@dataclass(slots=True)
class Accepted:
    """What the service has to accept of the input, by the contract."""

    sessions: dict[SessionName, dict[int, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    erased: set[SessionName] = field(default_factory=set)
    requests: dict[RequestName, dict[str, Any]] = field(default_factory=dict)
    conflicts: set[Origin] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    bootstrap_servers: str
    dsn: str
    redis_url: str
    topics: Topics
    group: str
    """With its prefix."""

    async def check(
        self,
        *,
        refused: Collection[Origin] = (),
        secrets: Collection[str] = (),
        logs: Iterable[Path] = (),
        model_requests: Iterable[bytes] = (),
        remembered: Mapping[str, Collection[int]] = {},
    ) -> Written:
        """`refused` are the records that were meant to be dead-lettered, besides conflicts of versions.

        `remembered` are the versions that each package rests on, for those that retention has deleted meanwhile.
        """
        written = await self.read()
        accepted = _accepted(written.input, set(refused))
        places = {
            **_topic_bytes((*written.ready, *written.failed, *written.dead_letters)),
            **{f"table {name}": _table_bytes(rows) for name, rows in written.tables.items()},
            **{f"log {path.name}": path.read_bytes() for path in logs if path.exists()},
            "model requests": b"\n".join(model_requests),
            "redis": await self.stored_in_redis(),
        }
        wrong = [
            *_outcomes(written, accepted),
            *_events(written),
            *_packages(written, accepted, secrets, remembered),
            *_rows(written, accepted),
            *_dead_letters(written, accepted, set(refused)),
            *_nothing_left(written),
            *await self.unread(),
            *leaks.findings(secrets, places),
        ]
        shown = "\n".join(f"- {complaint}" for complaint in wrong[:_SHOWN])
        assert not wrong, f"{len(wrong)} complaints\n{shown}"
        return written

    async def read(self) -> Written:
        """Reads everything as a `read_committed` reader sees it now."""
        topics = self.topics
        by_topic: dict[str, list[Record]] = defaultdict(list)
        async with TopicReader(topics.all, bootstrap_servers=self.bootstrap_servers) as reader:
            for record in await reader.read_to_end():
                by_topic[record.origin.topic].append(record)
        return Written(
            input=[
                record for topic in (topics.sessions, topics.requests, *topics.replay) for record in by_topic[topic]
            ],
            ready=by_topic[topics.ready],
            failed=by_topic[topics.failed],
            dead_letters=[record for topic in topics.dead_letter for record in by_topic[topic]],
            tables=await self._tables(),
        )

    async def unsettled(self) -> str:
        """Some work that is left; empty when none is left."""
        if lag := await self.unread():
            return lag[0]
        connection = await asyncpg.connect(self.dsn)
        try:
            for name, count in (
                ("requests open", "SELECT count(*) FROM requests WHERE state = 'open'"),
                ("leases held", "SELECT count(*) FROM requests WHERE leased_until IS NOT NULL"),
                ("requests due", "SELECT count(*) FROM requests WHERE due_at < now() + interval '5 seconds'"),
                ("outbox rows", "SELECT count(*) FROM outbox"),
                ("sessions for Redis to forget", "SELECT count(*) FROM cache_evictions"),
            ):
                if number := await connection.fetchval(count):
                    return f"{number} {name}"
        finally:
            await connection.close()
        return ""

    async def _tables(self) -> dict[str, list[dict[str, Any]]]:
        connection = await asyncpg.connect(self.dsn)
        try:
            names = await connection.fetch(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
            )
            return {name: [dict(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')] for (name,) in names}
        finally:
            await connection.close()

    async def unread(self) -> list[str]:
        """Partitions of the input that the group has not read to the end."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            await consumer.start()
            described = await admin.describe_topics([*self.topics.live, *self.topics.replay])
            partitions = [
                TopicPartition(topic["topic"], part["partition"]) for topic in described for part in topic["partitions"]
            ]
            ends = await consumer.end_offsets(partitions)
            committed = await admin.list_consumer_group_offsets(self.group)
            return [
                f"{at.topic}/{at.partition} is committed at {reached}, its end is {end}"
                for at, end in ends.items()
                if end and (reached := committed[at].offset if at in committed else None) != end
            ]
        finally:
            await consumer.stop()
            await admin.close()

    async def stored_in_redis(self) -> bytes:
        """Keys and values under this stage's prefix."""
        client = redis.from_url(self.redis_url)
        try:
            parts: list[object] = []
            for key in await client.keys(f"{self.topics.prefix}*"):
                parts += [key, await client.get(key) if await client.type(key) == b"string" else await client.dump(key)]
        finally:
            await client.aclose()
        return b"\n".join(_bytes(part) for part in parts)


def _accepted(records: list[Record], refused: set[Origin]) -> Accepted:
    accepted = Accepted()
    for record in records:
        place = record.origin._replace(timestamp_ms=-1)  # dead letters name no time
        if place in refused:
            continue
        event = json.loads(record.value or b"")
        session = (event.get("tenantid") or "default", event["subject"])
        if event["type"].startswith("escalation."):
            name = (*session, event["data"]["request_id"])
            if event["type"] == "escalation.requested.v1":
                accepted.requests.setdefault(name, event)
        elif event["type"] == "session.erased.v1":
            accepted.erased.add(session)
        else:
            first = accepted.sessions[session].setdefault(int(event["stateversion"]), event)
            if first["id"] != event["id"]:
                accepted.conflicts.add(place)
    return accepted


def _outcomes(written: Written, accepted: Accepted) -> Iterator[str]:
    """Each request has exactly one first-revision outcome, and nothing follows a withdrawal."""
    first: Counter[RequestName] = Counter()
    ended: set[RequestName] = set()
    last: dict[RequestName, int] = {}
    for event in written.published:
        data, kind = event["data"], event["type"]
        name = (data["tenant_id"], data["session_id"], data["request_id"])
        if name in ended:
            yield f"{kind} follows the end of {name}"
        if kind == "escalation.package_ready.v1":
            if data["revision"] != last.get(name, 0) + 1:
                yield f"revision {data['revision']} follows {last.get(name, 0)} of {name}"
            last[name] = data["revision"]
            first[name] += data["revision"] == 1
        else:
            # An erasure takes back a package, too, that nobody has seen yet: it may stand on the topic unnoted.
            is_first = data.get("revision") is None or (data["reason"] == "session_erased" and name not in last)
            first[name] += is_first
            ended.add(name)
    for name in accepted.requests:
        if first[name] != 1:
            yield f"{first[name]} first outcomes of {name}"
    for name in first.keys() - accepted.requests.keys():
        yield f"an outcome of {name}, which nobody requested"


def _events(written: Written) -> Iterator[str]:
    """Each event fits its schema, stands once, and has headers that match its body."""
    seen = Counter(event["id"] for event in written.published)
    yield from (f"event {event_id} stands {count} times" for event_id, count in seen.items() if count > 1)
    for record in (*written.ready, *written.failed):
        event = json.loads(record.value or b"")
        kind, data = event["type"], event["data"]
        yield from (f"{kind}: {each.message}" for each in _validator(kind).iter_errors(event))
        headers = {name: value.decode() for name, value in record.headers}
        wanted = {"event_id": event["id"], "event_type": kind, "session_id": event["subject"]}
        wanted["tenant_id"] = event["tenantid"]
        read = from_kafka_event(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value or b""))
        if (read.get_id(), read.get_type(), read.get_data()) != (event["id"], kind, data):
            yield f"{kind}: the public CloudEvents SDK reads another event"
        wanted |= {name: str(data[name]) for name in _FILTERS if data.get(name) is not None}
        wanted["content-type"] = "application/cloudevents+json"
        for name, value in wanted.items():
            if headers.get(name) != value:
                yield f"{kind}: header {name} is {headers.get(name)!r}, the body says {value!r}"
        if (record.key or b"").decode() != event["subject"]:
            yield f"{kind}: the key is not the subject"
        if kind == "escalation.package_withdrawn.v1":
            yield from package_checks.identity(event, "withdrawn", data["revision"] or 0)
        if kind == "escalation.package_failed.v1":
            yield from package_checks.identity(event, "failed", 0)


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = json.loads((_GENERATED / f"{kind}.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _packages(
    written: Written, accepted: Accepted, secrets: Collection[str], remembered: Mapping[str, Collection[int]]
) -> Iterator[str]:
    """Each package states what the events accepted by then state."""
    stored = {str(row["package_id"]): row for row in written.tables["packages"]}
    arrivals: dict[SessionName, list[tuple[int, int]]] = defaultdict(list)
    for row in written.tables["session_events"]:
        arrivals[row["tenant_id"], row["session_id"]].append((row["arrival"], row["version"]))
    packages = [event for event in written.published if event["type"] == "escalation.package_ready.v1"]
    for event in packages:
        data = event["data"]
        session = (data["tenant_id"], data["session_id"])
        if session in accepted.erased:
            continue
        kept = stored.pop(event["id"]) if event["id"] in stored else None
        if event["id"] in remembered:
            versions = list(remembered[event["id"]])
        elif kept is not None:
            versions = [version for arrival, version in arrivals[session] if arrival <= kept["arrivals"]]
        else:
            yield f"package {event['id']} of {session} is in no table"
            continue
        events = [change for version, change in accepted.sessions[session].items() if version in set(versions)]
        request = accepted.requests.get((*session, data["request_id"]), {"data": {}})
        knowledge = package_checks.Knowledge(
            state=expected.after(events),
            reason=request["data"].get("reason"),
            event_count=len(versions),
            state_version=max(versions, default=-1),
            actors={str(change["actor"]) for change in events if change.get("actor")},
            secrets=secrets,
            language=data["language"],
        )
        where = f"{data['session_id']} r{data['revision']} {data['status']}"
        yield from (f"{where}: {each}" for each in package_checks.complaints(event, knowledge))
    for row in stored.values():
        if (row["tenant_id"], row["session_id"]) not in accepted.erased:
            yield f"package {row['package_id']} was never published"


def _rows(written: Written, accepted: Accepted) -> Iterator[str]:
    """The stored events are exactly the accepted ones."""
    stored = {
        (row["tenant_id"], row["session_id"], row["version"]): (row["event_id"], row["type"])
        for row in written.tables["session_events"]
    }
    wanted = {
        (*session, version): (event["id"], event["type"])
        for session, events in accepted.sessions.items()
        if session not in accepted.erased
        for version, event in events.items()
    }
    trimmed = {(row["tenant_id"], row["session_id"]) for row in written.tables["sessions"] if row["trimmed_at"]}
    yield from (f"event {key} is not stored" for key in wanted.keys() - stored.keys() if key[:2] not in trimmed)
    yield from (f"event {key} is stored and was not accepted" for key in stored.keys() - wanted.keys())
    yield from (f"event {key} is another one" for key in wanted.keys() & stored.keys() if wanted[key] != stored[key])
    counted = Counter(key[:2] for key in stored)
    for row in written.tables["sessions"]:
        name = (row["tenant_id"], row["session_id"])
        if row["erased_at"] is None and row["event_count"] != counted[name]:
            yield f"session {name} counts {row['event_count']} events, {counted[name]} are stored"


def _dead_letters(written: Written, accepted: Accepted, refused: set[Origin]) -> Iterator[str]:
    """Topic and table hold exactly the expected dead letters, once each."""
    wanted = refused | accepted.conflicts
    seen: Counter[Origin] = Counter()
    for record in written.dead_letters:
        headers = {name: value.decode() for name, value in record.headers}
        origin = Origin(headers["dlq.topic"], int(headers["dlq.partition"]), int(headers["dlq.offset"]))
        seen[origin] += 1
        value = json.loads(record.value or b"")
        if (value["reason"], value["error"]) != (headers["dlq.reason"], headers["dlq.error"]):
            yield f"dead letter of {origin}: headers and value differ"
        if len(value["excerpt"].encode()) > 2048 or "\n" in value["error"] or "dlq.failed_at" not in headers:
            yield f"dead letter of {origin}: excerpt, error or time"
        if (origin in accepted.conflicts) != (value["reason"] == "version_conflict"):
            yield f"dead letter of {origin}: reason {value['reason']}"
    yield from (f"{origin} has no dead letter" for origin in wanted - seen.keys())
    yield from (f"{origin} has a dead letter that nobody expected" for origin in seen.keys() - wanted)
    yield from (f"{origin} has {count} dead letters" for origin, count in seen.items() if count > 1)
    rows = {Origin(row["topic"], row["partition"], row["offset"]) for row in written.tables["dead_letters"]}
    if rows != wanted:
        yield f"the table holds {len(rows)} dead letters, not {len(wanted)}"


def _nothing_left(written: Written) -> Iterator[str]:
    if rows := written.tables["outbox"]:
        yield f"{len(rows)} rows are left in the outbox"
    for row in written.tables["requests"]:
        if row["state"] == "open":
            yield f"request {row['request_id']} is open"
        if row["leased_until"] is not None:
            yield f"request {row['request_id']} is leased"


def _topic_bytes(records: Iterable[Record]) -> Mapping[str, bytes]:
    contents: dict[str, list[bytes]] = defaultdict(list)
    for record in records:
        contents[record.origin.topic] += [
            record.key or b"",
            record.value or b"",
            *(value for _, value in record.headers),
        ]
    return {topic: b"\n".join(parts) for topic, parts in contents.items()}


def _table_bytes(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"\n".join(_bytes(value) for row in rows for value in row.values())


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
