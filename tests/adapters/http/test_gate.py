"""Who may read and act in the console, and what every answer carries."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from itsdangerous import TimestampSigner
from structlog.testing import capture_logs

from consumer.adapters.http.console import gate, slowdown
from consumer.adapters.http.console.access import COOKIE, SIGNED_IN_SECONDS, is_loopback
from consumer.adapters.http.console.gate import HEADERS
from consumer.adapters.http.console.pages import now
from consumer.adapters.http.console.readers import Readers
from consumer.errors import Transient
from tests.support.console import TOKEN, Surfer, healthy, readers_of, serving, surfing

NOWHERE = "postgresql://127.0.0.1:9/nowhere"


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    """Without a database."""
    async with readers_of(NOWHERE, healthy()) as made:
        yield made


@pytest.fixture
async def reader_only(readers: Readers) -> AsyncIterator[Surfer]:
    async with serving(readers) as base, surfing(base) as surfer:
        yield surfer


@pytest.fixture
async def surfer(readers: Readers) -> AsyncIterator[Surfer]:
    """At a console with a token, on loopback."""
    async with serving(readers, token=TOKEN) as base, surfing(base) as made:
        yield made


@pytest.fixture
async def from_afar(readers: Readers) -> AsyncIterator[Surfer]:
    """At a console with a token that listens beyond loopback."""
    async with serving(readers, host="0.0.0.0", token=TOKEN) as base, surfing(base) as made:
        yield made


class TestHeaders:
    async def test_every_answer_has_them(self, surfer: Surfer, from_afar: Surfer) -> None:
        answers = [await surfer.get(path) for path in ("/", "/sign-in", "/nothing", "/static/x/console.js")]
        answers.append(await surfer.post("/sign-in", {}))
        answers.append(await from_afar.get("/"))
        assert [answer.status for answer in answers] == [200, 200, 404, 200, 403, 303]
        for answer in answers:
            assert HEADERS.items() <= dict(answer.headers).items()
            assert answer.headers["Cache-Control"] == "no-store"

    async def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(self) -> None:
        policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert set(policy.values()) == {"'none'", "'self'"}

    async def test_files_are_kept_by_their_digest(self, surfer: Surfer) -> None:
        page = (await surfer.get("/sign-in")).page
        style, script = page.find("link", rel="stylesheet"), page.find("script")
        assert style is not None
        assert script is not None
        for url in (str(style["href"]), str(script["src"])):
            answer = await surfer.get(url)
            assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
        assert (await surfer.get("/static/x/%2e%2e%2fconsole.py")).status == 404


class TestReading:
    async def test_beyond_loopback_without_a_token_pages_are_refused_and_probes_answer(self, readers: Readers) -> None:
        with capture_logs() as logged:
            async with serving(readers, host="0.0.0.0") as base, surfing(base) as surfer:
                pages = [await surfer.get(path) for path in ("/", "/sign-in", "/live/now", "/nothing")]
                pages.append(await surfer.post("/sign-in", {"token": ""}))
                probes = [await surfer.get(path) for path in ("/livez", "/readyz", "/metrics")]
        assert [page.status for page in pages] == [403] * 5
        assert all("ESCALATION_CONSOLE_TOKEN" in page.said for page in pages)
        assert [probe.status for probe in probes] == [200, 200, 200]
        assert [line["event_name"] for line in logged] == ["console_closed"]

    async def test_beyond_loopback_reading_needs_a_sign_in(self, from_afar: Surfer) -> None:
        answer = await from_afar.get("/?a=b&c=%26")
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=/%3Fa%3Db%26c%3D%2526")
        assert (await from_afar.get("/live/now")).status == 403
        assert (await from_afar.sign_in()).status == 303
        assert (await from_afar.get("/sign-in")).status == 200
        assert (await from_afar.get("/")).status == 200

    async def test_on_loopback_another_name_is_refused(self, surfer: Surfer) -> None:
        for host in ("evil.example", "evil.example:8080", "", "127.0.0.1.evil.example"):
            assert (await surfer.get("/sign-in", Host=host)).status == 403
        for host in ("localhost:9", "127.0.0.1", "[::1]:8080", "LOCALHOST"):
            assert (await surfer.get("/sign-in", Host=host)).status == 200

    @pytest.mark.parametrize(
        ("host", "near"),
        [
            ("127.0.0.1", True),
            ("127.9.9.9", True),
            ("::1", True),
            ("localhost", True),
            ("0.0.0.0", False),
            ("::", False),
            ("", False),
            ("10.0.0.1", False),
            ("service.example", False),
            ("localhost.evil.example", False),
        ],
    )
    def test_what_is_loopback(self, host: str, near: bool) -> None:
        assert is_loopback(host) is near


class TestSigningIn:
    async def test_the_cookie_is_out_of_reach(self, surfer: Surfer) -> None:
        with capture_logs() as logged:
            answer = await surfer.sign_in(name="  Ada   Lovelace ")
        cookie = answer.headers["Set-Cookie"]
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        assert {"HttpOnly", "Path=/", "SameSite=Strict", f"Max-Age={SIGNED_IN_SECONDS}"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert TOKEN not in cookie
        (line,) = [line for line in logged if line["event_name"] == "console_signed_in"]
        assert (line["operator"], line["address"]) == ("Ada Lovelace", "127.0.0.1")
        who = (await surfer.get("/sign-in")).page.find(class_="name")
        assert who is not None
        assert who.text == "Ada Lovelace"

    async def test_over_tls_the_cookie_is_secure(self, surfer: Surfer) -> None:
        surfer.headers["X-Forwarded-Proto"] = "https"
        assert "Secure" in (await surfer.sign_in()).headers["Set-Cookie"]

    async def test_it_holds_at_every_replica_until_it_expires_or_the_token_changes(
        self, surfer: Surfer, readers: Readers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def is_in(token: str | None) -> bool:
            async with serving(readers, host="0.0.0.0", token=token) as base, surfing(base) as other:
                return (await other.get("/nothing", Cookie=cookie)).status == 404

        cookie = (await surfer.sign_in()).headers["Set-Cookie"].split(";")[0]
        assert await is_in(TOKEN)
        assert not await is_in(TOKEN + "!")
        assert not await is_in(None)
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) + SIGNED_IN_SECONDS + 5)
        assert not await is_in(TOKEN)

    async def test_a_forged_cookie_is_nobody(self, from_afar: Surfer) -> None:
        for cookie in ("x", "e30.aaaa.bbbb", "eyJuYW1lIjoiQWRhIn0.aSotAA.x"):
            assert (await from_afar.get("/", Cookie=f"{COOKIE}={cookie}")).status == 303

    async def test_signing_out_takes_the_cookie(self, surfer: Surfer) -> None:
        await surfer.sign_in()
        with capture_logs() as logged:
            answer = await surfer.submit("/sign-in", "/sign-out")
        assert answer.status == 303
        assert [(line["action"], line["operator"]) for line in logged if line["event_name"] == "console_action"] == [
            ("sign out", "Ada")
        ]
        assert (await surfer.get("/sign-in")).page.find(class_="name") is None

    @pytest.mark.parametrize("asked", ["//evil.example", "https://evil.example", "/\\evil.example", "/\n/x", "x"])
    async def test_it_leads_to_no_other_site(self, surfer: Surfer, asked: str) -> None:
        page = await surfer.submit("/sign-in", "/sign-in", token=TOKEN, name="Ada", next=asked)
        assert page.headers["Location"] == "/"

    async def test_wrong_tokens_are_answered_slower_and_slower(
        self, surfer: Surfer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(slowdown, "FIRST_SECONDS", 0.1)
        took = []
        with capture_logs() as logged:
            for _ in range(3):
                began = time.monotonic()
                answer = await surfer.sign_in(token="wrong" * 5)
                took.append(time.monotonic() - began)
                assert (answer.status, "Set-Cookie" in answer.headers) == (403, False)
        assert took[0] >= 0.1
        assert took[1] >= 0.19
        assert took[2] >= 0.38
        assert [line["event_name"] for line in logged] == ["console_sign_in_failed"] * 3
        assert "wrong" not in str(logged)
        assert (await surfer.sign_in()).status == 303

    async def test_only_a_few_wrong_tokens_are_answered_at_once(
        self, surfer: Surfer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(slowdown, "FIRST_SECONDS", 0.5)
        answers = await asyncio.gather(*(surfer.sign_in(token="wrong" * 5) for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [403, 403, 429, 429]

    async def test_failures_are_forgotten_and_addresses_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        at = 0.0
        slow_down = slowdown.SlowDown(lambda: at)
        for number in range(12):
            await slow_down.failed(f"10.0.0.{number}")
        assert slept[:3] == [0.5, 1.0, 2.0]
        assert slept[-1] == slowdown.LONGEST_SECONDS
        assert not slow_down._waiting
        at = 3600.0
        assert await slow_down.failed("10.0.0.1") == pytest.approx(0.5, abs=0.01)

    @pytest.mark.parametrize("name", ["", "   ", "x" * 65, "Ada\x1b[31m"])
    async def test_a_name_is_needed_for_the_log(self, surfer: Surfer, name: str) -> None:
        assert (await surfer.sign_in(name=name)).status == 422


class TestActing:
    async def test_without_a_token_every_post_is_refused(self, reader_only: Surfer) -> None:
        page = await reader_only.get("/sign-in")
        assert page.page.find("form", method="post") is None
        for path in ("/", "/sign-in", "/sign-out", "/nothing", "/requests"):
            answer = await reader_only.post(path, {"token": "", "name": "Ada"})
            assert (answer.status, "ESCALATION_CONSOLE_TOKEN" in answer.said) == (403, True)

    async def test_it_needs_a_sign_in(self, surfer: Surfer) -> None:
        anonymous = await surfer.submit("/sign-in", "/sign-in", token=TOKEN, name="")
        field = anonymous.page.find("input", attrs={"name": "form_token"})
        assert field is not None
        assert (await surfer.post("/sign-out", {"form_token": str(field["value"])})).status == 403

    async def test_it_needs_the_form_of_this_sign_in(self, surfer: Surfer, readers: Readers) -> None:
        await surfer.sign_in()
        async with serving(readers, token=TOKEN) as base, surfing(base) as other:
            await other.sign_in(name="Eve")
            field = (await other.get("/sign-in")).page.find("input", attrs={"name": "form_token"})
            assert field is not None
        for token in ("", "x", str(field["value"])):
            assert (await surfer.post("/sign-out", {"form_token": token})).status == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    async def test_a_form_of_another_site_is_refused(self, surfer: Surfer, headers: dict[str, str]) -> None:
        await surfer.sign_in()
        surfer.headers = headers
        assert (await surfer.submit("/sign-in", "/sign-out")).status == 403
        surfer.headers = {"Origin": surfer.base, "Sec-Fetch-Site": "same-origin"}
        assert (await surfer.submit("/sign-in", "/sign-out")).status == 303

    async def test_only_forms_are_taken_and_only_small_ones(self, surfer: Surfer) -> None:
        await surfer.sign_in()
        async with surfer.session.post(surfer.base + "/sign-out", json={"form_token": "x"}) as answer:
            assert answer.status == 415
        assert (await surfer.post("/sign-out", {"form_token": "x" * 100_000})).status == 413


class TestTrouble:
    async def _page(self, surfer: Surfer, monkeypatch: pytest.MonkeyPatch, look: Callable[..., Awaitable[Any]]) -> Any:
        monkeypatch.setattr(now, "look_now", look)
        return await surfer.get("/")

    async def test_while_the_database_is_away_a_page_says_so(
        self, surfer: Surfer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(_: object) -> None:
            raise Transient("PostgreSQL: ConnectionRefusedError")

        page = await self._page(surfer, monkeypatch, away)
        assert page.status == 503
        assert "The database does not answer" in page.said
        assert (await surfer.get("/livez")).status == 200

    async def test_an_error_is_logged_without_what_was_read(
        self, surfer: Surfer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(_: object) -> None:
            raise ValueError("the customer's password is hunter2")

        with capture_logs() as logged:
            page = await self._page(surfer, monkeypatch, fails)
        assert page.status == 500
        assert "hunter2" not in page.text + str(logged)
        (line,) = logged
        assert (line["page"], line["error"], line["at"].split(":")[0]) == ("/", "ValueError", "test_gate.py")

    async def test_a_page_that_hangs_ends_and_holds_up_no_other(
        self, surfer: Surfer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gate, "PAGE_SECONDS", 1.5)
        monkeypatch.setattr(gate, "WAIT_SECONDS", 0.2)

        async def hangs(_: object) -> None:
            await asyncio.sleep(60)

        monkeypatch.setattr(now, "look_now", hangs)
        began = time.monotonic()
        took: list[float] = []

        async def look() -> int:
            answer = await surfer.get("/")
            took.append(time.monotonic() - began)
            return answer.status

        assert set(await asyncio.gather(*(look() for _ in range(gate.PAGES_AT_ONCE + 2)))) == {503}
        assert time.monotonic() - began < 5
        assert sorted(took)[1] < 1.0, "who gets no place is told soon"
        assert (await surfer.get("/sign-in")).status == 200

    async def test_errors_of_http_are_pages_too(self, surfer: Surfer) -> None:
        answer = await surfer.get("/nothing")
        assert (answer.status, "There is no such page" in answer.said) == (404, True)
        await surfer.sign_in()
        assert web.HTTPMethodNotAllowed.status_code == (await surfer.get("/sign-out")).status
