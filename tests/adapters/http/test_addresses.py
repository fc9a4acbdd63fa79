"""The addresses and forms of pages on packages, customers and jobs may hold anything: no page fails because of it."""

from urllib.parse import quote_from_bytes

import pytest

from consumer.adapters.http.console.readers import Readers
from consumer.adapters.http.console.routes import ROUTES
from consumer.wiring import policies
from tests.support.console import TOKEN, Surfer, serving, surfing

ANYTHING = (
    *("\x00", "\ud800", "\U0001f642", "  ", "nan", "inf", "1e999", "-1", "9" * 40, "2026-02-30", "<script>", "%00"),
    *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "'; DROP TABLE packages; --", "x" * 200),
)
NAMES = (
    *("id", "from", "form", "verify", "tenant", "since", "until", "days", "outcome", "before", "after", "action"),
    *("reason", "topic", "partition", "offset", "session", "model", "publish", "rate", "spend_limit", "at_once"),
    *("limit", "status", "cause", "request", "prompt_version", "rejected"),
)
MINE = ("/package", "/spend", "/feedback", "/tenants", "/replay", "/dead-letters")

SEARCHED = ("/dead-letters", "/feedback")


async def test_no_address_makes_a_page_fail(readers: Readers) -> None:
    paths = sorted({route.path for route in ROUTES if route.path.startswith(MINE) and route.method == "GET"})
    assert len(paths) >= 10
    async with serving(readers, token=TOKEN) as base, surfing(base) as surfer:
        await surfer.sign_in()
        for path in paths:
            for value in ANYTHING:
                raw = quote_from_bytes(value.encode("utf-8", "surrogatepass"))
                for names in (NAMES, *((name,) for name in NAMES if path in SEARCHED)):
                    answer = await surfer.get(f"{path}?{'&'.join(f'{name}={raw}' for name in names)}")
                    assert answer.status in (200, 400, 404, 409), (path, names, value[:40], answer.said[:200])


async def test_no_form_makes_a_page_fail(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "SEND_SECONDS", 0.02)  # there is no Kafka here
    paths = sorted({route.path for route in ROUTES if route.path.startswith(MINE) and route.method == "POST"})
    assert len(paths) == 7
    async with serving(readers, token=TOKEN) as base, surfing(base) as surfer:
        await surfer.sign_in()
        field = (await surfer.get("/replays")).page.find("input", attrs={"name": "form_token"})
        assert field is not None
        for path in paths:
            for value in (value for value in ANYTHING if value != "\ud800"):
                sent = {"form_token": str(field["value"]), **dict.fromkeys(NAMES, value)}
                for fields in (sent, {**sent, "action": "purge"}, {"form_token": sent["form_token"], "tenant": value}):
                    answer = await _post(surfer, path, fields)
                    assert answer in (303, 400, 404, 409, 503 if path == "/tenants/set" else 303), (
                        path,
                        value[:40],
                        answer,
                    )


async def _post(surfer: Surfer, path: str, fields: dict[str, str]) -> int:
    return (await surfer.post(path, fields)).status
