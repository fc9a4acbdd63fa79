"""The console in a real browser."""

import pytest
from playwright.async_api import Page

from consumer.adapters.http.console import live
from consumer.adapters.http.console.readers import Readers
from tests.support.browser import NARROW, WHERE_FROM, WIDE, browser, installed_browser, overhang
from tests.support.console import TOKEN, serving

pytestmark = pytest.mark.skipif(installed_browser() is None, reason=WHERE_FROM)


async def test_a_browser_shows_it_as_promised(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live, light and dark, narrow, without JavaScript, after a sign-in; nothing breaks the policy."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.2)
    async with serving(readers, token=TOKEN) as base, browser() as opened:
        page = await opened.new_page(color_scheme="light", viewport={"width": WIDE[0], "height": WIDE[1]})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(base)
        light = await _ground(page)
        assert await page.get_by_text("cannot reach the broker").count() == 0
        readers.health.failing("publish", "cannot reach the broker")
        await page.get_by_text("cannot reach the broker").wait_for(timeout=10_000)
        readers.health.ok("publish")
        await page.get_by_text("cannot reach the broker").wait_for(state="detached", timeout=10_000)
        await page.emulate_media(color_scheme="dark")
        assert await _ground(page) != light
        await page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        assert await overhang(page) <= 0
        await page.goto(base + "/sign-in")
        await page.get_by_label("Your name").fill("Ada")
        await page.get_by_label("Token", exact=True).fill(TOKEN)
        await page.locator("main button").click()
        await page.get_by_text("Sign out").wait_for()
        await page.get_by_text("Sign out").click()
        await page.get_by_role("link", name="Sign in").wait_for()
        assert complaints == []
        await page.close()
        bare = await opened.new_context(java_script_enabled=False)
        without = await bare.new_page()
        await without.goto(base)
        assert await without.get_by_role("heading", level=1).inner_text() == "Now"
        await bare.close()


async def _ground(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
