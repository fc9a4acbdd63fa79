"""`doctor` on real servers: a sound installation, planted troubles, servers that are silent. It never writes."""

import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.adapters.kafka import asking
from consumer.adapters.kafka.checkup import _lacking, why_unreached
from tests.support.service import Finished, command
from tests.support.stage import Stage, Story
from tests.support.waiting import until

NOWHERE = "127.0.0.1:1"


def levels(done: Finished) -> dict[str, str]:
    """The worst finding of each check."""
    order = ["ok", "warning", "wrong"]
    return {
        check["check"]: max((finding["level"] for finding in check["findings"]), key=order.index)
        for check in json.loads(done.output)["checks"]
    }


def advices(done: Finished, name: str) -> str:
    checks = {check["check"]: check for check in json.loads(done.output)["checks"]}
    return "\n".join(f"{finding['text']} → {finding['advice']}" for finding in checks[name]["findings"])


async def everything(stage: Stage) -> dict[str, Any]:
    """All that a look could have left behind."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap_servers)
    await admin.start()
    try:
        topics = sorted(name for name in await admin.list_topics() if name.startswith(stage.topics.prefix))
        every_group = [group[0] for group in await admin.list_consumer_groups()]
        groups = sorted(name for name in every_group if name.startswith(stage.topics.prefix))
    finally:
        await admin.close()
    tables = await stage.query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows = {
        str(table["relname"]): (await stage.query(f'SELECT count(*) AS rows FROM "{table["relname"]}"'))[0]["rows"]
        for table in tables
    }
    ends = {topic: await stage.end_offset(topic) for topic in topics}
    return {"topics": topics, "groups": groups, "rows": rows, "ends": ends}


async def test_a_sound_installation_is_well_and_stays_as_it_is(stage: Stage) -> None:
    await stage.running()

    async def relay_has_begun() -> bool:
        return len((await everything(stage))["groups"]) == 2

    await until(relay_has_begun)
    before = await everything(stage)
    done = await stage.command("doctor", "--json", ESCALATION_HTTP_PORT="1")
    assert done.code == 0, done.output + done.errors
    assert levels(done) == {
        "settings": "ok",
        "encryption": "ok",
        "certificates": "ok",
        "cost": "ok",
        "Kafka": "ok",
        "topics": "ok",
        "rights at Kafka": "ok",
        "consumer group": "ok",
        "PostgreSQL": "ok",
        "tables": "ok",
        "clock": "ok",
        "Redis": "ok",
        "service": "warning",
        "model": "ok",
    }
    assert "1 member, 0 records behind" in advices(done, "consumer group")
    assert "costs nothing" in advices(done, "model")
    assert len(stage.model.free_questions) == 3
    assert not stage.model.requests
    assert await everything(stage) == before
    report = json.loads(done.output)
    assert report["well"] is True
    settings = {row["variable"]: row for row in report["settings"]}
    assert settings["ANTHROPIC_API_KEY"]["value"] == "set"
    shown = await stage.command("doctor", ESCALATION_HTTP_PORT="1")
    assert "Nothing was changed." in shown.output
    assert "DATABASE_URL" in shown.output
    assert "sk-ant" not in shown.output + done.output


@pytest.mark.long
async def test_records_behind_an_open_transaction_are_counted_and_its_producer_is_named(stage: Stage) -> None:
    await stage.running()
    await stage.send(Story("behind").opened())
    await stage.settled()
    name = f"{stage.topics.prefix}stranger"
    async with AIOKafkaProducer(bootstrap_servers=stage.bootstrap_servers, transactional_id=name) as producer:
        await producer.begin_transaction()
        for _ in range(3):
            await producer.send_and_wait(stage.topics.sessions, b"{}", key=b"behind")
        await stage.send(Story("behind").request("r-hidden"))

        async def waits() -> bool:
            return bool(await stage.query("SELECT FROM requests WHERE backlog IS NOT NULL"))

        await until(waits)
        listed = await stage.command("request", "list", "--session", "behind")
        assert f"({name}) holds a transaction open in {stage.topics.sessions}/" in listed.output, listed.errors
        shown = json.loads((await stage.command("request", "show", "r-hidden", "--json")).output)
        assert shown[0]["open_transactions"][0]["transactional_id"] == name
        done = await stage.command("doctor", "--json", ESCALATION_HTTP_PORT="1")
        assert "3 records behind, 3 of them hidden behind open transactions" in advices(done, "consumer group")
        await asyncio.sleep(10)  # one that lasts for a few seconds is nobody's trouble
        said = advices(await stage.command("doctor", "--json", ESCALATION_HTTP_PORT="1"), "consumer group")
        assert f"({name}) holds a transaction open in {stage.topics.sessions}/" in said
        await producer.abort_transaction()


async def test_each_planted_trouble_is_named_with_what_mends_it(stage: Stage) -> None:
    prefix = f"{stage.topics.prefix}planted."
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics(
            [
                NewTopic(f"{prefix}escalation-package-ready", 2, 1, topic_configs={"cleanup.policy": "compact"}),
                NewTopic(f"{prefix}escalation-tenant-policy", 2, 1, topic_configs={"cleanup.policy": "delete"}),
                NewTopic(f"{prefix}session-state-changed", 2, 1, topic_configs={"retention.ms": "60000"}),
            ]
        )
    finally:
        await admin.close()
    await stage.execute("DELETE FROM schema_migrations WHERE number = 2")
    done = await stage.command(
        "doctor",
        "--json",
        ESCALATION_TOPIC_PREFIX=prefix,
        ANTHROPIC_API_KEY="sk-ant-another",
        ESCALATION_MODEL="claude-of-nobody",
        REDIS_URL=f"redis://{NOWHERE}",
        REDIS_URI="redis://cache",
        KAFKA_BROKER="kafka:9092",
    )
    assert done.code == 1
    found_levels = levels(done)
    assert {name for name, level in found_levels.items() if level == "wrong"} == {"topics", "tables", "Redis", "model"}
    topics = advices(done, "topics")
    assert "cleanup.policy=compact, which drops records of a session" in topics
    assert "--add-config cleanup.policy=delete" in topics
    assert "--add-config cleanup.policy=compact" in topics
    assert "keeps records for 0.0 hours" in topics
    assert (
        f"{prefix}escalation-requested does not exist, or may not be seen → run `escalation-consumer prepare`" in topics
    )
    assert "1 migrations are not applied: 0002 → run `escalation-consumer prepare`" in advices(done, "tables")
    assert "HTTP 401" in advices(done, "model")
    assert "no price is known of claude-of-nobody" in advices(done, "cost")
    assert "no service runs" in advices(done, "consumer group")
    line = json.dumps({"topic": "escalation-requested", "key": "s1", "value": {}})
    load = await stage.command("load", "-", given=line, ESCALATION_TOPIC_PREFIX=prefix)
    assert load.code == 1
    assert f"There is no topic {prefix}escalation-requested" in load.errors
    assert "`escalation-consumer prepare` makes it" in load.errors
    assert "REDIS_URI" not in advices(done, "settings"), "the meant setting is set"


async def test_a_role_without_rights_and_an_unknown_model_are_told(stage: Stage) -> None:
    role = f"looker_{os.getpid()}"
    await stage.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    parts = stage.dsn.partition("://")
    rest = parts[2].rpartition("@")[2]
    try:
        done = await stage.command(
            "doctor", "--json", DATABASE_URL=f"postgresql://{role}:x@{rest}", ESCALATION_CHECK_MODEL="gpt-of-others"
        )
    finally:
        await stage.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert done.code == 1
    assert "GRANT" in advices(done, "tables")
    assert "gpt-of-others: the model's API answered HTTP 404" in advices(done, "model")


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_silent_servers_are_told_within_the_bound_and_hide_no_other(silent: str) -> None:
    begun = time.monotonic()
    done = await asyncio.to_thread(
        command,
        {
            "PATH": os.environ["PATH"],
            "KAFKA_BOOTSTRAP_SERVERS": silent,
            "DATABASE_URL": f"postgresql://u:hunter2@{silent}/x",
            "REDIS_URL": f"redis://:hunter2@{silent}",
            "ANTHROPIC_API_KEY": "hunter2",
            "ANTHROPIC_BASE_URL": f"http://{silent}",
            "ESCALATION_HTTP_PORT": silent.rpartition(":")[2],
        },
        "doctor",
        "--json",
    )
    assert done.code == 1
    assert time.monotonic() - begun < 30, (
        "the bound of 5 s, the start of Python on a busy machine, and no sum of bounds"
    )
    assert levels(done) == {
        "settings": "ok",
        "encryption": "ok",
        "certificates": "ok",
        "cost": "ok",
        "Kafka": "wrong",
        "topics": "warning",
        "rights at Kafka": "warning",
        "consumer group": "warning",
        "PostgreSQL": "wrong",
        "tables": "warning",
        "clock": "warning",
        "Redis": "wrong",
        "service": "wrong",
        "model": "wrong",
    }
    seconds = [check["seconds"] for check in json.loads(done.output)["checks"]]
    assert max(seconds) < 8
    assert "hunter2" not in done.output + done.errors


class TestKafkaRights:
    ALL = 0b1_1111_1111_1000

    def test_what_the_brokers_grant_is_enough(self) -> None:
        assert list(_lacking("topic x", self.ALL, (asking.READ, asking.WRITE))) == []

    def test_a_lacking_right_is_named(self) -> None:
        (finding,) = _lacking("topic x", self.ALL & ~(1 << asking.WRITE), (asking.READ, asking.WRITE))
        assert (finding.text, finding.advice) == ("topic x: this user may not Write", "allow it Write")

    def test_a_broker_that_says_nothing_of_rights_is_no_trouble(self) -> None:
        assert list(_lacking("topic x", asking.UNASKED, (asking.READ,))) == []


async def test_a_wrong_way_to_kafka_is_told_apart(bootstrap_servers: str) -> None:
    there = {"bootstrap_servers": [bootstrap_servers.split(",", maxsplit=1)[0]]}
    talks = await why_unreached(there)
    assert "accepts connections, and does not talk to us" in str(talks)
    assert "ESCALATION_KAFKA_SECURITY_PROTOCOL" in talks.advice
    encrypted = await why_unreached(there | {"ssl_context": ssl.create_default_context()})
    assert "speaks no TLS" in str(encrypted)
    away = await why_unreached({"bootstrap_servers": [NOWHERE, "nonsense", "127.0.0.1:99999"]})
    assert str(away).startswith(
        f"{NOWHERE}: Connection refused; nonsense: is not written as host:port; 127.0.0.1:99999: "
    )
    assert "KAFKA_BOOTSTRAP_SERVERS" in away.advice
