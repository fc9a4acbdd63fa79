"""Locks the jars of Apache Kafka: resolves them, fetches each, and writes its checksum beside its coordinates.

usage: python -m tests.support.lock_jars
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import jgo
from jgo.maven import MavenContext

from consumer.adapters.embedded import jars

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
LOGGING = "org.slf4j:slf4j-simple:1.7.36"  # the binding to the slf4j-api that Kafka brings


def main() -> None:
    resolved = [f"{jar.groupId}:{jar.artifactId}:{jar.version}" for jar in jgo.resolve(KAFKA)]
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder))
        rows = [_row(context, coordinates) for coordinates in sorted({*resolved, LOGGING})]
    jars.LOCK.write_text("".join(rows), encoding="utf-8")
    sys.stdout.write(f"{len(rows)} jars in {jars.LOCK.name}\n")


def _row(context: MavenContext, coordinates: str) -> str:
    group, artifact, version = coordinates.split(":")
    content = context.project(group, artifact).at_version(version).artifact().resolve().read_bytes()
    return f"{hashlib.sha256(content).hexdigest()} {len(content):>9} {coordinates}\n"


if __name__ == "__main__":
    main()
