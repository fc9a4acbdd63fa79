"""A real browser, driven by Playwright, where one is installed."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WHERE_FROM = "no browser found: install the distribution's package `chromium` (or google-chrome)"
WIDE = (1280, 800)
NARROW = (390, 844)


def installed_browser() -> str | None:
    """The path of the first one that is found."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Without a window. Fails where no browser is installed: look first."""
    path = installed_browser()
    assert path is not None, WHERE_FROM
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        try:
            yield opened
        finally:
            await opened.close()


async def overhang(page: Page) -> int:
    """How many pixels a page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
