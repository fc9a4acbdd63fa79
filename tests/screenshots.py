"""Pictures of the console with the demo's data (`make screenshots`): `python -m tests.screenshots`.

Starts Kafka, PostgreSQL and Redis, a loopback model and the service; sends the demo's sessions, refused records and a
request that waits; then a browser writes a picture of each page into docs/screenshots.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from consumer.adapters.embedded import Servers
from consumer.adapters.http.console import links
from consumer.adapters.http.console.routes import ROUTES
from consumer.adapters.kafka.writing import TopicWriter
from consumer.adapters.postgres.core.pool import closing_pool
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.cli.demo import customers
from consumer.cli.demo.samples import SampleRecord, read_samples
from tests.support.browser import NARROW, WHERE_FROM, WIDE, browser, installed_browser
from tests.support.stage import Stage

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
SETTLED_SECONDS = 240.0
MOST_BYTES = 150_000
BUDGET_USD = "25"
HEIGHTS = {"package": 500, "requests": 700}
"""Of pictures that would be too large: much text."""
ALSO_NARROW = ("now", "request", "package")
ALSO_DARK = ("now", "request", "package")


def main(folder: Path) -> None:
    if installed_browser() is None:
        sys.exit(WHERE_FROM)
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take_all(folder))
    large = {path.name: path.stat().st_size for path in folder.glob("*.png") if path.stat().st_size > MOST_BYTES}
    if large:
        sys.exit(f"larger than {MOST_BYTES} bytes: {large}")


async def _take_all(folder: Path) -> None:
    async with Servers() as servers:
        stage = Stage(
            bootstrap_servers=servers.kafka.bootstrap_servers,
            dsn=servers.postgres.dsn,
            redis_url=servers.redis.url,
            prefix="",
            folder=Path(tempfile.mkdtemp(prefix="screenshots-")),
        )
        async with stage, browser() as opened:
            service = await stage.running(console_token="a token for pictures", monthly_budget_usd=BUDGET_USD)
            await _play(stage, servers.kafka.bootstrap_servers)
            await _take(opened, f"http://127.0.0.1:{service.port}", await _pages(stage), folder)


async def _play(stage: Stage, bootstrap_servers: str) -> None:
    samples = read_samples()
    async with (
        closing_pool(stage.dsn, name="screenshots", max_size=1) as pool,
        TopicWriter(bootstrap_servers=bootstrap_servers) as writer,
    ):
        reader = TenantReader(pool)
        await customers.set_policies(writer, reader, stage.topics)
        await _send(writer, [record for record in samples.records if not record.after_package])
        await stage.settled(within_seconds=SETTLED_SECONDS)
        await _send(writer, [record for record in samples.records if record.after_package])
        await stage.settled(within_seconds=SETTLED_SECONDS)
        rows = await stage.query("SELECT event FROM packages ORDER BY created_at")
        await customers.give_feedback(writer, reader, stage.topics, [json.loads(row["event"]) for row in rows])
        sessions, requests = stage.topics.sessions, stage.topics.requests
        await writer.write(sessions, "vpn-4471", b'{"specversion": "1.0", "id": ')
        await writer.write(sessions, "vpn-4471", json.dumps(_event("session.fact_recorded.v1", {"text": "?"})).encode())
        opened = {
            "title": "Printer at the front desk prints blank pages",
            "problem_summary": "Blank pages since this morning.",
            "psa_ticket": {"system": "connectwise", "ticket_id": "777"},
        }
        await writer.write(sessions, "front-desk-printer", json.dumps(_event("session.opened.v1", opened)).encode())
        asked = {"request_id": "esc-777", "state_version": 99, "deadline_seconds": 600, "reason": "Second visit today."}
        await writer.write(
            requests, "front-desk-printer", json.dumps(_event("escalation.requested.v1", asked)).encode()
        )
        await writer.flush()
        await asyncio.sleep(12)  # the service counts what waits every five seconds


async def _send(writer: TopicWriter, records: list[SampleRecord]) -> None:
    for record in records:
        await writer.write(record.topic, record.key, json.dumps(record.value).encode())
    await writer.flush()


def _event(event_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    changes = {"stateversion": 14} if event_type.startswith("session.") else {}
    return {
        "specversion": "1.0",
        "id": f"screenshot-{event_type}",
        "source": "/psa",
        "type": event_type,
        "subject": "front-desk-printer",
        "tenantid": "larkfield-joinery",
        "time": datetime.now(UTC).isoformat(),
        "data": dict(data),
        **changes,
    }


async def _pages(stage: Stage) -> dict[str, str]:
    """The address of each page by the name of its picture; of lists, and of the request with most to tell."""
    (row,) = await stage.query(
        "SELECT p.tenant_id, p.session_id, p.request_id, p.package_id, p.revision FROM packages p"
        " JOIN requests r ON r.last_package_id = p.package_id ORDER BY p.revision DESC, p.status LIMIT 1"
    )
    key = (row["tenant_id"], row["session_id"], row["request_id"])
    pages = {
        "now": "/",
        "requests": "/requests",
        "request": links.request_url(*key),
        "waiting": links.request_url("larkfield-joinery", "front-desk-printer", "esc-777"),
        "sessions": "/sessions",
        "session": links.session_url(*key[:2]),
        "package": links.package_url(row["package_id"]),
        "sign-in": "/sign-in",
    }
    singles = {
        "difference": f"/package/difference?id={row['package_id']}",
        **{route.path.strip("/").replace("/", "-"): route.path for route in ROUTES if route.label},
    }
    known = {route.path for route in ROUTES}
    pages |= {name: url for name, url in singles.items() if name and url.partition("?")[0] in known}
    return {name: url for name, url in pages.items() if url.partition("?")[0] in known}


async def _take(opened: Browser, base: str, pages: Mapping[str, str], folder: Path) -> None:
    for look, scheme, size, names in (
        ("", "light", WIDE, tuple(pages)),
        ("-dark", "dark", WIDE, ALSO_DARK),
        ("-narrow", "light", NARROW, ALSO_NARROW),
    ):
        context = await opened.new_context(
            color_scheme="dark" if scheme == "dark" else "light", viewport={"width": size[0], "height": size[1]}
        )
        page = await context.new_page()
        for name in names:
            if name in pages:
                await page.set_viewport_size({"width": size[0], "height": HEIGHTS.get(name, size[1])})
                await page.goto(base + pages[name])
                await page.screenshot(path=folder / f"{name}{look}.png")
        await context.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures are written")
    main(parser.parse_args().folder)
