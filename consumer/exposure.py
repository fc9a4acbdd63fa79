"""Which connections others can read, or answer in the server's place. Loopback and local sockets are safe."""

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qs, urlsplit

_VERIFIED = frozenset({"verify-ca", "verify-full"})


def unprotected(
    *,
    kafka_servers: str,
    kafka_protocol: str,
    database_urls: tuple[str, ...],
    redis_url: str | None,
    model_url: str | None,
) -> tuple[str, ...]:
    """A sentence for each, with the setting that mends it. It never quotes a URL, which may hold a password."""
    return (
        *_of_kafka(kafka_servers, kafka_protocol),
        *dict.fromkeys(sentence for url in database_urls for sentence in _of_postgresql(urlsplit(url))),
        *(() if redis_url is None else _of_redis(urlsplit(redis_url))),
        *(() if model_url is None else _of_model(urlsplit(model_url))),
    )


def _of_kafka(servers: str, protocol: str) -> Iterator[str]:
    hosts = [server.strip().rpartition(":")[0].strip("[]") for server in servers.split(",")]
    if not protocol.endswith("SSL") and (away := _beyond_loopback(hosts)):
        yield f"Kafka at {away} is reached without TLS; set ESCALATION_KAFKA_SECURITY_PROTOCOL to SASL_SSL"


def _of_postgresql(url: SplitResult) -> Iterator[str]:
    query = parse_qs(url.query)
    named = query.get("host") or [host.rpartition("@")[2] for host in url.netloc.rpartition("@")[2].split(",")]
    hosts = [_without_port(host) for host in named]
    mode = query.get("sslmode", ["prefer"])[-1]
    if mode not in _VERIFIED and (away := _beyond_loopback(hosts)):
        yield f"PostgreSQL at {away} is not verified (sslmode={mode}); write sslmode=verify-full into DATABASE_URL"


def _of_redis(url: SplitResult) -> Iterator[str]:
    if url.scheme == "unix" or not (away := _beyond_loopback([url.hostname or "localhost"])):
        return
    if url.scheme != "rediss":
        yield f"Redis at {away} is reached without TLS; write rediss:// in REDIS_URL"
    elif parse_qs(url.query).get("ssl_cert_reqs", ["required"])[-1] != "required":
        yield f"Redis at {away} is not verified; take ssl_cert_reqs out of REDIS_URL"


def _of_model(url: SplitResult) -> Iterator[str]:
    if url.scheme != "https" and (away := _beyond_loopback([url.hostname or ""])):
        yield f"the model at {away} is reached without TLS; write https:// in its address"


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _beyond_loopback(hosts: list[str]) -> str:
    """Those that are not on this machine, for a sentence. A name counts as elsewhere, but localhost."""
    return ", ".join(host for host in hosts if not _is_here(host))


def _is_here(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True  # a socket of this machine
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return False
