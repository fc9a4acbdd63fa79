"""All doors are locked: the whole service works through TLS, logins, roles and ACLs, and nothing else is let in."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from redis.exceptions import NoPermissionError, ResponseError

from consumer.adapters.kafka.client import connection
from consumer.adapters.kafka.writing import TopicWriter
from consumer.adapters.postgres.core import rights
from consumer.adapters.redis.login import redis_client
from consumer.flows.relay.ports import MARKER_TOPIC, NAME
from schemas.topics import Topics
from tests.faults.test_stores import sessions
from tests.support import servers as support
from tests.support.certificates import Authority
from tests.support.locked import DEPLOY, LOGINS, SERVICE, LockedDoors, LockedStage, written
from tests.support.pgbouncer import PgBouncer, PoolerLocks
from tests.support.service import ServiceProcess
from tests.support.stage import API_KEY, settings_of
from tests.support.waiting import until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedDoors]:
    made = LockedDoors.of(tmp_path_factory.mktemp("locked"))
    support.run(made.servers.start())
    yield made
    support.run(made.servers.stop())


@pytest.fixture
async def locked(doors: LockedDoors, tmp_path: Path) -> AsyncIterator[LockedStage]:
    async with LockedStage(doors, folder=tmp_path) as made:
        yield made


def wrong(output: str) -> list[str]:
    """What `doctor` finds wrong."""
    return [
        f"{check['check']}: {finding['text']}"
        for check in json.loads(output)["checks"]
        for finding in check["findings"]
        if finding["level"] == "wrong"
    ]


async def trouble(stage: LockedStage, service: ServiceProcess) -> list[str]:
    """What `doctor` finds wrong, also when it looks again: a busy machine may be slower than it waits."""
    complaints: list[str] = []
    for _ in range(3):
        looked = await stage.command("doctor", "--json", ESCALATION_HTTP_PORT=str(service.port))
        complaints = [*wrong(looked.output), *looked.errors.splitlines()]
        if not complaints:
            break
    return complaints


async def named_in(service: ServiceProcess, event: str) -> bool:
    return f'"event": "{event}"' in service.logged


@pytest.mark.parametrize("login", LOGINS)
async def test_the_whole_service_works_behind_locked_doors(doors: LockedDoors, tmp_path: Path, login: str) -> None:
    async with LockedStage(doors, folder=tmp_path, login=login) as stage:
        service = await stage.running()
        await stage.send(*sessions(5, "locked"))
        await stage.published(5)
        await stage.settled()
        await stage.verdict(secrets=[stage.password, *doors.passwords.values()])
        for page in ("/", "/requests", "/sessions", "/dead-letters", "/replays", "/spend", "/feedback", "/tenants"):
            status, _ = await service.get(page) or (0, "")
            assert status == 200, page
        readers = await stage.query(
            "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE '%console'"
        )
        assert [row["usename"] for row in readers] == [stage.roles[rights.READER_ROLE]]
        for command in (["session", "list"], ["package", "list"], ["request", "list"], ["dead-letters", "list"]):
            done = await stage.command(*command, DATABASE_URL_FILE=str(stage.secrets / "database-read-url"))
            assert (done.code, done.errors) == (0, ""), command
        assert await trouble(stage, service) == []
        logged = [json.loads(line) for line in service.logged.splitlines()]
        warnings = [line for line in logged if line["level"] != "info" and line.get("hop") != "cache"]
        assert warnings == [], "but the cache, which a busy machine may lose for a moment"
        assert (await service.terminate()).code == 0


async def test_the_whole_service_works_by_way_of_a_pooler_with_tls_and_scram(
    doors: LockedDoors, tmp_path: Path
) -> None:
    own = doors.authority.issue("pooler")
    locks = PoolerLocks(own=own, authority=doors.authority.certificate, server_port=doors.postgres_port)
    pooler = PgBouncer(doors.servers.postgres.dsn, locks)
    stage = LockedStage(doors, folder=tmp_path, database_port=pooler.port)
    locks.passwords = dict.fromkeys(stage.roles.values(), stage.password)
    async with pooler, stage:
        service = await stage.running()
        await stage.send(*sessions(5, "pooled"))
        await stage.published(5)
        await stage.settled()
        await stage.verdict(secrets=[stage.password, *doors.passwords.values()])
        assert '"event": "pooler_noticed"' in service.logged
        assert await trouble(stage, service) == []
        plain = stage.database_url(rights.SERVICE_ROLE).partition("?")[0] + "?sslmode=disable"
        wrong_password = stage.database_url(rights.SERVICE_ROLE).replace(stage.password, "wrong")
        for refused in (plain, wrong_password):
            only = {"DATABASE_URL": refused, "DATABASE_URL_FILE": "", "ESCALATION_DATABASE_READ_URL_FILE": ""}
            done = await stage.command("session", "list", **only)
            assert done.code != 0, refused
            assert stage.password not in done.output + done.errors
        assert (await service.terminate()).code == 0


async def test_secrets_are_replaced_without_a_restart(doors: LockedDoors, tmp_path: Path) -> None:
    async with LockedStage(doors, folder=tmp_path, login="token of a file") as stage:
        key = written(stage.secrets / "model-key", API_KEY)
        service = stage.service(keyed=False, LOG_LEVEL="INFO")
        service._environment |= {"ANTHROPIC_API_KEY_FILE": str(key), "ANTHROPIC_BASE_URL": stage.model.url}
        service.start()
        await service.wait_ready()
        await stage.send(*sessions(3, "before"))
        await stage.published(3)
        before = service.pid

        stage.password = "replaced-" + stage.password
        stage.model._api_key = "sk-ant-test-replaced"
        await stage.execute(f"ALTER ROLE {stage.roles[rights.SERVICE_ROLE]} PASSWORD '{stage.password}'")
        stage.run_script("redis/acl.sh")
        written(stage.secrets / "database-url", stage.database_url(rights.SERVICE_ROLE))
        written(stage.secrets / "redis-url", doors.redis_url(stage.redis_user, stage.password))
        written(stage.secrets / "token", doors.signer.token(SERVICE, seconds=600))
        written(key, "sk-ant-test-replaced")
        await stage.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE usename = '{stage.roles[rights.SERVICE_ROLE]}'"
        )
        await doors.servers.kafka.kill()
        await doors.servers.kafka.start()

        await stage.send(*sessions(3, "after"))
        packages = await stage.published(6)
        assert {package["status"] for package in packages} == {"ready"}
        await stage.settled()
        await stage.verdict(secrets=[stage.password, "sk-ant-test-replaced"])
        assert (service.pid, service.running) == (before, True)


@contextlib.asynccontextmanager
async def short_tokens(doors: LockedDoors, token: Path) -> AsyncIterator[None]:
    """Meanwhile the file holds a token that lasts for 8 seconds more."""

    async def renew() -> None:
        while True:
            written(token, doors.signer.token(SERVICE, seconds=8))
            await asyncio.sleep(2)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def test_a_token_that_expires_again_and_again_loses_nothing(doors: LockedDoors, tmp_path: Path) -> None:
    """The brokers end each connection with its token, and the client makes it again."""
    async with LockedStage(doors, folder=tmp_path, login="token of a command") as stage:
        token = stage.secrets / "token"
        async with short_tokens(doors, token):
            service = await stage.running()
            for turn in range(5):
                await stage.send(*sessions(3, f"turn-{turn}"))
                await asyncio.sleep(5)
            await stage.published(15)
            await stage.settled()
        await stage.verdict()
        written(token, "no token at all")
        await until(lambda: named_in(service, "no_kafka_token"), within_seconds=60)
        written(token, doors.signer.token(SERVICE, seconds=600))
        await stage.send(*sessions(2, "back"))
        await stage.published(17)
        assert "no token at all" not in service.logged


async def test_doctor_names_what_keeps_it_out(doors: LockedDoors, tmp_path: Path) -> None:
    async with LockedStage(doors, folder=tmp_path) as stage:
        elsewhere = Authority(tmp_path / "elsewhere", name="Another authority")
        kafka = "ESCALATION_KAFKA"
        for variables, said in (
            ({f"{kafka}_SSL_CAFILE": str(elsewhere.certificate)}, "its certificate is refused"),
            ({f"{kafka}_SASL_PASSWORD_FILE": str(written(tmp_path / "wrong", "wrong"))}, "does not talk to us"),
            (
                {f"{kafka}_SASL_MECHANISM": "OAUTHBEARER", f"{kafka}_OAUTH_COMMAND": "false"},
                "ESCALATION_KAFKA_OAUTH_COMMAND ended with code 1",
            ),
        ):
            looked = await stage.command("doctor", "--json", **variables)
            assert any("Kafka" in finding and said in finding for finding in wrong(looked.output)), (said, looked)


async def test_the_name_of_the_host_is_checked(doors: LockedDoors, tmp_path: Path) -> None:
    """The certificate is the servers' own, for 127.0.0.1: by another name they are not who they say."""
    async with LockedStage(doors, folder=tmp_path) as stage:
        port = doors.servers.kafka.locked_port
        url = stage.database_url(rights.OWNER_ROLE).replace("127.0.0.1", "localhost")
        looked = await stage.command(
            "doctor", "--json", KAFKA_BOOTSTRAP_SERVERS=f"localhost:{port}", DATABASE_URL=url, DATABASE_URL_FILE=""
        )
        findings = wrong(looked.output)
        assert [
            check for check in ("Kafka", "PostgreSQL") if not any(text.startswith(check) for text in findings)
        ] == []
        assert any("localhost" in text and "certificate" in text for text in findings), findings


async def test_the_service_may_do_no_more_at_kafka_than_it_needs(locked: LockedStage) -> None:
    topics = locked.topics
    settings = settings_of(locked.environment())
    for topic in (topics.sessions, topics.requests, topics.replay[0], locked.prefix + MARKER_TOPIC):
        async with TopicWriter(**connection(settings)) as writer:
            await writer.write(topic, "key", b"value")
            with pytest.raises(TopicAuthorizationFailedError):
                await writer.flush()
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(f"{locked.prefix}more", 1, 1)])
        assert [code for _, code, *_ in answer.topic_errors] == [TopicAuthorizationFailedError.errno]
        answer = await admin.delete_topics([topics.ready])
        assert {code for _, code in answer.topic_error_codes} == {TopicAuthorizationFailedError.errno}
        with pytest.raises(KafkaError):
            await admin.delete_records({TopicPartition(topics.ready, 0): RecordsToDelete(before_offset=0)})
    finally:
        await admin.close()


async def test_the_service_may_do_no_more_at_redis_than_it_needs(doors: LockedDoors, locked: LockedStage) -> None:
    client = redis_client(doors.redis_url(locked.redis_user, locked.password))
    try:
        await client.set(f"{locked.prefix}escalation:pace:pause", "1", px=10)
        for words in (
            ("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("SCAN", "0"), ("ACL", "LIST"), ("SCRIPT", "FLUSH"),
            ("GET", "another:key"), ("SET", "another:key", "1"), ("DEL", f"{locked.prefix}other"),
        ):  # fmt: skip
            with pytest.raises(NoPermissionError):
                await client.execute_command(*words)  # type: ignore[no-untyped-call]
        with pytest.raises(ResponseError):
            await client.eval("return redis.call('KEYS', '*')", 0)
    finally:
        await client.aclose()


async def test_plain_text_is_refused_by_a_setting(locked: LockedStage) -> None:
    open_door = {
        "KAFKA_BOOTSTRAP_SERVERS": "kafka.example:9092",
        "ESCALATION_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    }
    done = await locked.command("doctor", **open_door)
    assert done.code == 2
    assert "ESCALATION_REQUIRE_TLS is set: Kafka at kafka.example is reached without TLS" in done.errors


def test_every_topic_has_its_rights() -> None:
    script = (DEPLOY / "kafka" / "acls.sh").read_text(encoding="utf-8")
    words = set(re.findall(r"[\w.-]+", script))
    assert {*Topics("").all, MARKER_TOPIC, NAME} <= words
