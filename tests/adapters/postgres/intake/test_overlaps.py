"""Secrets within secrets: any order of arrival and any batches store the same rows."""

import json
from base64 import b64encode
from itertools import permutations
from typing import Any
from urllib.parse import quote

import pytest

from consumer.adapters.postgres.core.pool import Pool
from tests.adapters.postgres.intake.steps import Store, everything, fact, finish, outbox, row_of, rows, script
from tests.support.wire import request

INNER = "Winter2024"
OUTER = "xx Winter2024/yy-tail"
URL = f"postgres://svc:{INNER}@db.example:5432/app"
PIECES = (INNER, "Winter", "yy-tail", "xx ", "svc:", "db.example", quote("/yy-tail", safe=""))


def texts(*, version: int, **attributes: Any) -> dict[str, Any]:
    """A fact with both secrets in several spellings; the door finds the URL's by itself."""
    encoded = b64encode(OUTER.encode()).decode()
    text = f"m {OUTER} m {INNER} m {quote(OUTER, safe='')} m {encoded} m {URL} m"
    return fact(text, version=version, actor=f"by {OUTER}", **attributes)


EVENTS = (
    texts(version=1),
    script(version=2, secret=INNER),
    script(version=3, secret=OUTER),
    script(version=4, secret=URL),
    request(reason=f"needs {OUTER}"),
)


async def stored(pool: Pool) -> list[Any]:
    return [
        await rows(pool, "session_events", "version", "actor", "data"),
        await rows(pool, "requests", "request_id", "reason"),
        await rows(pool, "session_secrets", "identity"),
    ]


async def expected(pool: Pool, store: Store) -> list[Any]:
    """Rows of a session that knew all secrets before."""
    await store(*EVENTS[1:4])
    await store(EVENTS[0], EVENTS[4])
    tables = await stored(pool)
    await pool.execute("TRUNCATE sessions, session_events, session_secrets, requests CASCADE")
    return tables


def placeholder(tables: list[Any], version: int) -> str:
    """The placeholder of a script's secret."""
    [data] = [data for at, _, data in tables[0] if at == version]
    value = json.loads(data)["parameters_used"]["pw"]
    assert value.startswith("[REDACTED:password:")
    return str(value).replace(":password:", ":secret:")


async def test_what_knows_everything_names_the_longest_everywhere(pool: Pool, store: Store) -> None:
    tables = await expected(pool, store)
    inner, outer, url = (placeholder(tables, version) for version in (2, 3, 4))
    assert json.loads(tables[0][0][2])["text"] == f"m {outer} m {inner} m {outer} m {outer} m {url} m"
    assert tables[0][0][1] == f"by {outer}"
    assert tables[1] == [("r1", f"needs {outer}")]


@pytest.mark.parametrize("first", range(5))
async def test_the_order_of_arrival_changes_nothing(first: int, pool: Pool, store: Store) -> None:
    wanted = await expected(pool, store)
    for order in permutations([place for place in range(5) if place != first]):
        for place in (first, *order):
            await store(EVENTS[place])
        assert await stored(pool) == wanted
        shown = await everything(pool)
        assert [piece for piece in PIECES if piece in shown] == []
        await pool.execute("TRUNCATE sessions, session_events, session_secrets, requests CASCADE")


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
async def test_the_batches_change_nothing(cut: int, pool: Pool, store: Store) -> None:
    wanted = await expected(pool, store)
    for order in (EVENTS, EVENTS[::-1], EVENTS[2:] + EVENTS[:2]):
        await store(*order[:cut])
        await store(*order[cut:])
        assert await stored(pool) == wanted
        await pool.execute("TRUNCATE sessions, session_events, session_secrets, requests CASCADE")


async def test_a_package_and_what_waits_to_be_published_lose_the_longer_secret(pool: Pool, store: Store) -> None:
    await store(script(version=1, secret=INNER), request())
    await finish(pool, text="They used xx [REDACTED:password#1]/yy-tail.")
    await store(script(version=2, secret=OUTER))
    shown = await everything(pool)
    assert "yy-tail" not in shown
    [ready] = await outbox(pool, "ready")
    assert ready["data"]["markdown"].startswith("They used [REDACTED:secret:")


async def test_no_value_is_stored_with_its_fingerprints(pool: Pool, store: Store) -> None:
    await store(*EVENTS)
    row = await row_of(pool, "SELECT string_agg(forms, ''::bytea) AS forms FROM session_secrets")
    assert len(row["forms"]) % 22 == 0
    assert INNER.encode() not in row["forms"]
