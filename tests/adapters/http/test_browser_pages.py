"""The pages on packages, customers and jobs in a real browser: they fit a phone, and break no policy."""

from uuid import UUID

import pytest
from playwright.async_api import Page

from consumer.adapters.http.console.readers import Readers
from consumer.adapters.http.console.routes import ROUTES
from consumer.adapters.postgres.core.pool import Pool
from tests.support.browser import NARROW, WHERE_FROM, WIDE, browser, installed_browser, overhang
from tests.support.console import TOKEN, serving
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, change, request

pytestmark = pytest.mark.skipif(installed_browser() is None, reason=WHERE_FROM)

LONG = "W" * 120
"""A word that no line of a phone holds."""


@pytest.fixture
async def revisions(pool: Pool) -> list[UUID]:
    filler = StoreFiller(pool)
    await filler.store(
        change("session.opened.v1", {"title": LONG, "problem_summary": LONG}, version=1, subject=LONG),
        change(data=FACT | {"fact_id": LONG, "text": f"It says {LONG}."}, version=2, subject=LONG),
        request(LONG, attributes={"subject": LONG}),
    )
    await filler.draft()
    await filler.store(
        change(data=FACT | {"fact_id": LONG, "text": f"It said {LONG}."}, version=3, subject=LONG),
        {"specversion": "1.0", "id": LONG, "source": "/x", "type": LONG, "subject": LONG},
    )
    await pool.execute(
        "INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language, monthly_budget_usd, note_footer) "
        "VALUES ($1, 'e', now(), 'on', 'de', 10, $1)",
        LONG,
    )
    return await filler.draft()


async def test_they_fit_a_phone_and_break_no_policy(readers: Readers, revisions: list[UUID]) -> None:
    pages = [
        *(route.path for route in ROUTES if route.label),
        f"/package?id={revisions[1]}&verify=1",
        f"/package/difference?id={revisions[1]}",
    ]
    async with serving(readers, token=TOKEN) as base, browser() as opened:
        page = await opened.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await _sign_in(page, base)
        for path in pages:
            answer = await page.goto(base + path)
            assert answer is not None
            assert answer.status == 200, path
            for size in (WIDE, NARROW):
                await page.set_viewport_size({"width": size[0], "height": size[1]})
                assert await overhang(page) <= 0, (path, size)
        assert complaints == []
        await page.goto(f"{base}/package?id={revisions[1]}")
        line = page.locator("details.line").first
        assert not await line.locator("pre").first.is_visible()
        await line.locator("summary").click()
        assert await line.locator("pre").first.is_visible()
        await page.close()


async def _sign_in(page: Page, base: str) -> None:
    await page.goto(base + "/sign-in")
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_label("Token", exact=True).fill(TOKEN)
    await page.locator("main button").click()
    await page.get_by_text("Sign out").wait_for()
