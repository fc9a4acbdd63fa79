"""A sync's surroundings: its topics on real Kafka, a PSA, its file of rows, and packages to send."""

import json
import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError

from schemas.topics import FAILED, READY
from tests.support.psa_server import PsaServer, System
from tests.support.sync_process import SyncProcess
from tests.support.topics import make_topics
from tests.support.waiting import until

Json = dict[str, Any]
FEEDBACK = "escalation-package-feedback"
TENANT = "larkfield-joinery"
_EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"


def ticket(number: str, system: System = "connectwise", connection: str | None = None) -> Json:
    return {"system": system, "ticket_id": number, "connection_id": connection, "record_type": None}


class Escalation:
    """One request's events."""

    def __init__(self, session: str, place: Json | None) -> None:
        self.session, self.place = session, place
        self.note_key = f"{TENANT}/{session}/r1"
        self.stem = f"[handoff {sha256(self.note_key.encode()).hexdigest()[:12]} "

    def package(self, revision: int = 1, text: str = "one", *, at: Json | None = None, **fields: Any) -> Json:
        """`at` is another ticket, from now on."""
        previous, self.place = (self.place, at) if at else (None, self.place)
        body = f"Problem\n\n{text}\n"
        data = self._data(revision) | {
            "package_id": self.package_id(revision),
            "supersedes": self.package_id(revision - 1) if revision > 1 else None,
            "revision": revision,
            "markdown": f"## {body}",
            "plain_text": body,
            "content_sha256": sha256(f"## {body}".encode()).hexdigest(),
            "previous_psa_ticket": previous,
            "html": None,
            "footer": None,
        }
        return self._event("ready", self.package_id(revision), data | fields)

    def withdrawal(self, revision: int | None = 1, reason: str = "cancelled") -> Json:
        data = self._data(revision or 0) | {"revision": revision, "reason": reason, "supersedes": None}
        if revision:
            data["supersedes"] = self.package_id(revision)
        return self._event("withdrawn", self.package_id("withdrawn"), data)

    def failure(self, detail: str = "nothing can be made of it") -> Json:
        return self._event("failed", self.package_id("failed"), self._data(0) | {"detail": detail})

    def package_id(self, revision: object) -> str:
        return str(uuid5(NAMESPACE_URL, f"escalation-package/{self.note_key}/{revision}"))

    def _data(self, revision: int) -> Json:
        reference = f"{self.place['system']} #{self.place['ticket_id']}" if self.place else None
        return {
            "request_id": "r1",
            "session_id": self.session,
            "note_key": self.note_key,
            "psa_ticket": self.place,
            "target_ticket_ref": reference,
            "marker": f"{self.stem}r{revision}]",
        }

    def _event(self, kind: str, event_id: str, data: Json) -> Json:
        example = json.loads((_EXAMPLES / f"escalation.package_{kind}.v1.json").read_text(encoding="utf-8"))
        return dict(example | {"id": event_id, "subject": self.session, "data": example["data"] | data})


class Scene:
    """Ends what it started with its `async with` block."""

    def __init__(self, bootstrap_servers: str, prefix: str, folder: Path, psa: PsaServer) -> None:
        self.bootstrap_servers, self.prefix, self.folder, self.psa = bootstrap_servers, prefix, folder, psa
        self._ends: dict[TopicPartition, int] = {}
        self._processes: list[SyncProcess] = []
        systems: tuple[System, ...] = ("connectwise", "autotask", "halopsa")
        self.settings({TENANT: {"internal": {system: psa.settings(system) for system in systems}}})

    def settings(self, psas: Json) -> None:
        """Replaces the file of the systems' settings."""
        made = self.folder / "psas.new"
        made.write_text(json.dumps(psas), encoding="utf-8")
        made.replace(self.folder / "psas.json")

    async def prepare(self, partitions: int = 1) -> None:
        await make_topics(
            self.bootstrap_servers, **{f"{self.prefix}{name}": partitions for name in (READY, FAILED, FEEDBACK)}
        )

    async def widen(self, partitions: int) -> None:
        """More partitions for the packages."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_partitions({self.prefix + READY: NewPartitions(partitions)})
        finally:
            await admin.close()

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            await process.kill()

    async def __aenter__(self) -> Self:
        return self

    def sync(self, *options: str, instance: str = "one", rows: str = "notes.sqlite") -> SyncProcess:
        """Not yet started."""
        arguments = (
            *("--kafka", self.bootstrap_servers, "--prefix", self.prefix, "--instance", instance),
            *("--rows", str(self.folder / rows), "--psas", str(self.folder / "psas.json")),
            *("--replay-seconds", "0.2", *options),
        )
        process = SyncProcess(arguments, self.folder / "sync.log")
        self._processes.append(process)
        return process

    async def started(self, *options: str, **names: str) -> SyncProcess:
        process = self.sync(*options, **names)
        await process.start()
        return process

    async def send(self, *events: Json, transactional: bool = False, at_ms: int | None = None) -> None:
        identity = {"transactional_id": f"{self.prefix}relay"} if transactional else {}
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers, **identity)
        async with producer:
            if transactional:
                await producer.begin_transaction()
            for event in events:
                name = FAILED if event["type"] == "escalation.package_failed.v1" else READY
                sent = await producer.send_and_wait(
                    self.prefix + name, json.dumps(event).encode(), key=event["subject"].encode(), timestamp_ms=at_ms
                )
                self._ends[sent.topic_partition] = sent.offset + 1
            if transactional:
                await producer.commit_transaction()

    async def send_aborted(self, event: Json) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers, transactional_id=f"{self.prefix}relay")
        async with producer:
            await producer.begin_transaction()
            await producer.send_and_wait(self.prefix + READY, json.dumps(event).encode())
            await producer.abort_transaction()

    async def settled(self, *, within_seconds: float = 30, rows: str = "notes.sqlite") -> None:
        """Returns when the group is at the end of what was sent and nothing is held."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()

        async def at_end() -> bool:
            try:
                committed = await admin.list_consumer_group_offsets(f"{self.prefix}psa-sync")
            except (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError):  # no group has a member yet
                return False
            return self.offsets_reached(committed) and not self.query("SELECT * FROM held", rows)

        try:
            await until(at_end, within_seconds=within_seconds)
        except TimeoutError as error:
            raise AssertionError(f"not settled\n{(self.folder / 'sync.log').read_text()[-3000:]}") from error
        finally:
            await admin.close()

    def offsets_reached(self, committed: Json) -> bool:
        return all(place in committed and committed[place].offset >= end for place, end in self._ends.items())

    def query(self, statement: str, rows: str = "notes.sqlite") -> Sequence[tuple[Any, ...]]:
        file = self.folder / rows
        if not file.exists():
            return []
        connection = sqlite3.connect(file, timeout=30)
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError:  # the tables are not there yet
            return []
        finally:
            connection.close()

    def row(self, escalation: Escalation) -> Json:
        return self.rows()[escalation.note_key]

    def rows(self) -> dict[str, Json]:
        return {key: json.loads(row) for key, row in self.query("SELECT note_key, row FROM notes")}

    async def feedback(self) -> list[Json]:
        """All that was told, repetitions included."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap_servers, auto_offset_reset="earliest")
        async with consumer:
            places = [TopicPartition(self.prefix + FEEDBACK, 0)]
            consumer.assign(places)
            (end,) = (await consumer.end_offsets(places)).values()
            events: list[Json] = []
            while len(events) < end:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    events += [json.loads(record.value) for record in records]
            return events
