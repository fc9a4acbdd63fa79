"""The environment of the process: nothing in it is obeyed behind the settings' back, and what is wrong is named."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.test_empty_base_url import recording_proxy
from tests.faults.test_stores import sessions
from tests.support.service import command
from tests.support.stage import Stage
from tests.support.waiting import until

SECRET = "hunter22"
MISSING = "/nowhere/certificates"

WRONG = [
    ({"HTTPS_PROXY": f"http://user:{SECRET}@proxy:port"}, "HTTPS_PROXY"),
    ({"https_proxy": f"http://user:{SECRET}/1@proxy:3128"}, "HTTPS_PROXY"),
    ({"HTTP_PROXY": "http://[::1:3128"}, "HTTP_PROXY"),
    ({"ALL_PROXY": f"ftp://user:{SECRET}@proxy"}, "ALL_PROXY"),
    ({"ALL_PROXY": f"socks5://user:{SECRET}@proxy:1080"}, "ALL_PROXY"),
    ({"SSL_CERT_FILE": f"{MISSING}.pem"}, "SSL_CERT_FILE"),
    ({"SSL_CERT_DIR": MISSING}, "SSL_CERT_DIR"),
    ({"ANTHROPIC_CUSTOM_HEADERS": f"X Gateway: {SECRET}"}, "ANTHROPIC_CUSTOM_HEADERS"),
    ({"ANTHROPIC_CUSTOM_HEADERS": f"X-Gateway: {SECRET}ü"}, "ANTHROPIC_CUSTOM_HEADERS"),
    ({"PGPASSWORD": SECRET, "DATABASE_URL": "postgresql://user@127.0.0.1:9/x"}, "PGPASSWORD"),
    ({"PGSSLMODE": "disable"}, "PGSSLMODE"),
    ({"PGSERVICE": "nobody-knows"}, "PGSERVICE"),
    ({"PGPORT": "9", "DATABASE_URL": "postgresql://127.0.0.1/x"}, "PGPORT"),
]


@pytest.mark.parametrize(("wrong", "named"), WRONG)
@pytest.mark.failure(56)
def test_what_is_wrong_is_named_in_one_line(wrong: dict[str, str], named: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "ANTHROPIC_API_KEY": "k",
        "DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x",
    }
    done = command(environment | wrong, "run", within_seconds=60)
    assert (done.code, named in done.errors) == (2, True), done.errors
    assert len(done.errors.strip().splitlines()) == 1, done.errors
    assert SECRET not in done.errors + done.output


def test_without_a_key_no_proxy_is_missed() -> None:
    done = command({"PATH": os.environ["PATH"], "ALL_PROXY": "socks5://proxy:1080"}, "outbox", within_seconds=60)
    assert (done.code, "PROXY" in done.errors) == (1, False), "the database is away, and that is all"


HARMLESS = {
    "an IPv6 address in brackets": dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,[::1]"),
    "a host that the model's address is not": dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.0/8,[fe80::/10]"),
    "another credential": {"ANTHROPIC_AUTH_TOKEN": "another-key"},
    "a profile": {"ANTHROPIC_PROFILE": "nobody", "ANTHROPIC_CONFIG_DIR": MISSING},
    "loud logs": {"ANTHROPIC_LOG": "debug"},
    "traces with content": {"ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"},
    "a file for the keys of connections": {"SSLKEYLOGFILE": f"{MISSING}/keys"},
    "a folder for metrics": {"PROMETHEUS_MULTIPROC_DIR": f"{MISSING}/metrics"},
    "a proxy for what is not the model's address": {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    },
    "empty texts": dict.fromkeys(
        (
            *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "no_proxy"),
            *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"),
            *("ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_LOG"),
            *("PGHOST", "PGPORT", "PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSSLMODE", "PGTARGETSESSIONATTRS"),
        ),
        "",
    ),
}


@pytest.mark.parametrize(
    "kind", [*list(HARMLESS)[:3], *(pytest.param(name, marks=pytest.mark.long) for name in list(HARMLESS)[3:])]
)
@pytest.mark.failure(56)
async def test_what_is_not_meant_for_the_service_changes_nothing(stage: Stage, kind: str) -> None:
    service = stage.service_of(stage.environment() | HARMLESS[kind])
    service.start()
    await service.wait_ready()
    await stage.send(*sessions(1, "harmless"))
    await stage.published(1)
    assert stage.model.calls == 1
    assert not stage.model.holds("another-key")
    assert "Mail is not delivered." not in service.logged


@asynccontextmanager
async def forwarding_proxy(model_url: str, asked: list[str]) -> AsyncIterator[int]:
    """A proxy that forwards every request to the model, one at a time on a connection."""
    host, port = model_url.removeprefix("http://").split(":")

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_model, to_model = await asyncio.open_connection(host, int(port))
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode())
        to_model.write(head.replace(model_url.encode(), b"", 1).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        back = asyncio.create_task(from_model.read())
        while not back.done():
            more = asyncio.create_task(reader.read(65536))
            await asyncio.wait({more, back}, return_when=asyncio.FIRST_COMPLETED)
            if more.done():
                to_model.write(more.result())
                if not more.result():
                    break
            else:
                more.cancel()
                await asyncio.gather(more, return_exceptions=True)
        writer.write(await back)
        to_model.close()
        writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "variable", ["HTTP_PROXY", *(pytest.param(name, marks=pytest.mark.long) for name in ("http_proxy", "ALL_PROXY"))]
)
async def test_a_proxy_is_used_with_its_password(stage: Stage, variable: str) -> None:
    asked: list[str] = []
    async with forwarding_proxy(stage.model.url, asked) as port:
        proxy = {variable: f"http://user:{SECRET}@127.0.0.1:{port}", "NO_PROXY": "", "no_proxy": ""}
        service = stage.service_of(stage.environment() | proxy)
        service.start()
        await service.wait_ready()
        await stage.send(*sessions(1, "by-proxy"))
        await stage.published(1)
        assert stage.model.calls == 1
        assert asked[0].startswith(f"POST {stage.model.url}/v1/messages")
        assert "proxy-authorization: basic" in asked[0].lower()
        assert SECRET not in service.logged
        await service.terminate()


async def test_of_two_spellings_the_one_in_lower_case_counts(stage: Stage) -> None:
    asked: list[str] = []
    async with recording_proxy(asked) as proxy:
        both = {
            "https_proxy": proxy,
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "ANTHROPIC_BASE_URL": "https://model.example",
        }
        service = stage.service_of(stage.environment() | both)
        service.start()
        await service.wait_ready()
        await stage.send(*sessions(1, "two-spellings"))

        async def called() -> bool:
            return any(line.startswith("CONNECT model.example:443 ") for line in asked)

        await until(called, within_seconds=30)


async def test_headers_for_a_gateway_are_sent(stage: Stage) -> None:
    given = {"ANTHROPIC_CUSTOM_HEADERS": "X-Gateway: blue\n X-Team : support "}
    service = stage.service_of(stage.environment() | given)
    service.start()
    await service.wait_ready()
    await stage.send(*sessions(1, "gateway"))
    await stage.published(1)
    headers = {name.lower(): value for name, value in stage.model.requests[0].headers.items()}
    assert (headers["x-gateway"], headers["x-team"]) == ("blue", "support")


def test_every_variable_that_the_driver_of_postgresql_reads_is_known() -> None:
    import asyncpg

    from consumer.environment import COMPLETING

    source = (Path(asyncpg.__file__).parent / "connect_utils.py").read_text(encoding="utf-8")
    read = {word for quote in "'\"" for word in source.split(quote) if word.startswith("PG") and word.isalpha()}
    assert "PGHOST" in read
    assert read - set(COMPLETING) == set()
