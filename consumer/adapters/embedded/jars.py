"""Kafka's jars: named by Maven coordinates, locked by SHA-256 in `kafka.lock`, downloaded once into a cache."""

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import platformdirs

from consumer.adapters.embedded import errors
from consumer.adapters.embedded.progress import ProgressCallback, StartProgress

LOCK = Path(__file__).with_name("kafka.lock")
_PARALLEL_DOWNLOADS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One line of the lock: `sha256 bytes group:artifact:version`."""

    sha256: str
    size_bytes: int
    coordinates: str

    @property
    def name(self) -> str:
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


class _Advance(Protocol):
    def __call__(self, size_bytes: int, /) -> None: ...


def locked() -> tuple[Jar, ...]:
    """Returns the jars that the lock names."""
    rows = (line.split() for line in LOCK.read_text(encoding="utf-8").splitlines())
    return tuple(Jar(sha256=sha256, size_bytes=int(size), coordinates=name) for sha256, size, name in rows)


def cache() -> Path:
    """Returns the folder that `ESCALATION_CACHE_DIR` names, or the user's cache folder."""
    chosen = os.environ.get("ESCALATION_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("escalation-consumer")


def fetch(progress: ProgressCallback) -> tuple[Path, ...]:
    """Returns the paths of all locked jars; downloads those that the cache lacks and verifies the SHA-256 of each.

    Blocks. Several processes may run it at once. Raises `ExtraMissing` without the `jgo` package, `JarsUnavailable`
    when a download fails, `JarChanged` when a downloaded jar has another SHA-256.
    """
    folder = cache() / "jars"
    jars = locked()
    missing = [jar for jar in jars if not _verified(folder / jar.name, jar)]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        _download(missing, folder, _Bar(progress, sum(jar.size_bytes for jar in missing)))
    return tuple(folder / jar.name for jar in jars)


class _Bar:
    """Adds up the bytes that parallel downloads report, and reports the sum."""

    def __init__(self, progress: ProgressCallback, total_bytes: int) -> None:
        self._progress = progress
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._lock = threading.Lock()
        self.advance(0)

    def advance(self, size_bytes: int, /) -> None:
        with self._lock:
            self._done_bytes += size_bytes
            self._progress(
                StartProgress(
                    step="Fetching Apache Kafka", done=self._done_bytes, total=self._total_bytes, unit="bytes"
                )
            )


def _download(jars: list[Jar], folder: Path, bar: _Bar) -> None:
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise errors.ExtraMissing("jgo") from error

    @contextmanager
    def count(_name: str, _size: int) -> Iterator[_Advance]:
        yield bar.advance

    # Jars are downloaded to a separate folder and moved into the cache one by one: neither an interrupted download nor
    # another process that downloads at the same time can leave half a jar in the cache.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as staging:
        context = MavenContext(
            resolver=PythonResolver(progress_callback=count),
            repo_cache=Path(staging),
            remote_repos={"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories,
        )

        def download(jar: Jar) -> None:
            group, artifact, version = jar.coordinates.split(":")
            try:
                path = context.project(group, artifact).at_version(version).artifact().resolve()
            except (OSError, RuntimeError, ValueError) as error:  # the errors of `requests` are OSErrors
                raise errors.JarsUnavailable(jar.coordinates, error, cache()) from error
            if not _verified(path, jar):
                raise errors.JarChanged(jar.coordinates, _sha256(path))
            shutil.move(path, folder / jar.name)

        with ThreadPoolExecutor(_PARALLEL_DOWNLOADS, thread_name_prefix="jars") as pool:
            try:
                list(pool.map(download, jars))
            except errors.EmbeddedError:
                pool.shutdown(cancel_futures=True)
                raise


def _verified(path: Path, jar: Jar) -> bool:
    return path.exists() and path.stat().st_size == jar.size_bytes and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
