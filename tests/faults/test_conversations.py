"""Proxies take protocols apart, whatever pieces the bytes come in, and notice what they do not know."""

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import asyncpg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from consumer.adapters.postgres.core.sql import Queries
from tests.support.proxies.conversation import Asked, Part
from tests.support.proxies.kafka import KafkaConversation
from tests.support.proxies.kinds import KINDS, REDIS
from tests.support.proxies.model import ModelConversation
from tests.support.proxies.plan import Action, EachOnce, Fault, Ledger, Listed
from tests.support.proxies.postgres import PostgresConversation, PostgresProxy, name_of
from tests.support.proxies.redis import RedisConversation, RedisProxy
from tests.support.servers import RedisServer

_COUNT = "return redis.call('INCR', KEYS[1])"
COMMANDS = b"*2\r\n$3\r\nGET\r\n$2\r\nk1\r\n*1\r\n$4\r\nPING\r\n"
ANSWERS = b"$-1\r\n*2\r\n$3\r\na\r\n\r\n%1\r\n+k\r\n:1\r\n-ERR no\r\n_\r\n"


def bytewise(take: Callable[[bytes], Iterable[Any]], data: bytes) -> Iterator[Any]:
    for number in range(len(data)):
        yield from take(data[number : number + 1])


def message(sort: bytes, body: bytes) -> bytes:
    return sort + struct.pack(">i", len(body) + 4) + body


def test_redis_in_single_bytes() -> None:
    conversation = RedisConversation()
    asked: list[Asked] = list(bytewise(conversation.asked, COMMANDS))
    assert [each.kind for each in asked] == ["GET", "PING"]
    assert b"".join(each.raw for each in asked) == COMMANDS
    parts: list[Part] = list(bytewise(conversation.answered, ANSWERS))
    assert [part.raw[:1] for part in parts] == [b"$", b"*", b"-", b"_"]
    assert b"".join(part.raw for part in parts) == ANSWERS


def test_kafka_in_single_bytes() -> None:
    frame = struct.pack(">ihhi", 12, 26, 0, 7) + b"more"
    (asked,) = bytewise(KafkaConversation(1).asked, frame)
    assert (asked.kind, asked.raw) == ("EndTxn", frame)


def test_postgresql_in_single_bytes() -> None:
    conversation = PostgresConversation()
    start = struct.pack(">ii", 8, 196608)
    sql = Queries("outbox").lead
    prepare = message(b"P", b"s1\0" + sql.encode() + b"\0\0\0") + message(b"D", b"Ss1\0") + message(b"H", b"")
    run = message(b"B", b"\0s1\0\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0") + message(b"S", b"")
    commit = message(b"Q", b"COMMIT;\0")
    asked: list[Asked] = list(bytewise(conversation.asked, start + prepare + run + commit))
    assert [(each.kind, each.name) for each in asked] == [
        ("connect", ""),
        ("prepare", ""),
        ("write", "outbox.lead"),
        ("commit", "COMMIT"),
    ]
    assert b"".join(each.raw for each in asked) == start + prepare + run + commit
    assert name_of("SELECT  1 -- a remark\n") == "SELECT 1"


def test_the_model_in_single_bytes() -> None:
    draft = b'POST /v1/messages HTTP/1.1\r\nContent-Length: 13\r\n\r\n{"system":""}'
    asked = list(bytewise(ModelConversation().asked, draft + b"GET /v1/models/m HTTP/1.1\r\n\r\n"))
    assert [each.kind for each in asked] == ["draft", "question"]


def test_a_kind_that_the_table_does_not_have_is_noticed() -> None:
    ledger = Ledger(KINDS[REDIS])
    ledger.fault("GET", "")
    assert ledger.unknown == set()
    ledger.fault("FLUSHALL", "")
    assert ledger.unknown == {"FLUSHALL"}


def test_each_name_of_a_kind_meets_the_fault_once() -> None:
    ledger = Ledger(KINDS[REDIS], EachOnce(Action.LOSE))
    asked = ["a", "b", "a", "b", "c"]
    assert [ledger.fault("GET", name) is not None for name in asked] == [True, True, False, False, True]


async def test_postgresql_has_committed_when_the_answer_to_its_commit_is_lost(database: str) -> None:
    with PostgresProxy(database) as proxy:
        connection = await asyncpg.connect(proxy.dsn)
        proxy.ledger.follow(Listed([Fault(kind="commit", action=Action.LOSE)]))
        await connection.execute("BEGIN")
        await connection.execute("CREATE TABLE kept ()")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.execute("COMMIT")
        connection.terminate()
    again = await asyncpg.connect(database)
    try:
        assert await again.fetchval("SELECT to_regclass('kept') IS NOT NULL")
    finally:
        await again.close()


@pytest.mark.parametrize(
    ("action", "counted"), [(Action.CUT, 0), (Action.LOSE, 1), (Action.HALVE, 1), (Action.REPEAT, 2)]
)
def test_how_often_a_server_hears_of_a_request(
    redis_server: RedisServer, topic_prefix: str, action: Action, counted: int
) -> None:
    key = f"{topic_prefix}counter"
    with RedisProxy(redis_server.url, Listed([Fault(kind="EVAL", action=action)])) as proxy:
        with closing(redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0))) as client:
            if action is Action.REPEAT:
                assert client.eval(_COUNT, 1, key) == 1
                assert client.get(key) == b"2"
            else:
                with pytest.raises(redis.ConnectionError):
                    client.eval(_COUNT, 1, key)
        with closing(redis.Redis.from_url(redis_server.url)) as client:
            assert client.get(key) == (str(counted).encode() if counted else None)
