"""Every page over a store whose texts and ids are hostile."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from bs4 import BeautifulSoup

from consumer.adapters.http.console.links import request_url, requests_url, search_url, session_url
from consumer.adapters.http.console.readers import Readers
from consumer.adapters.http.console.routes import ROUTES
from tests.support.console import TOKEN, Answer, Surfer, serving, surfing
from tests.support.hostile_store import EVALUATED, HOSTILE, ID, LONG, MARKS, TENANT, TICKET

REQUEST = "<img src=x onerror=alert(1)>"
MOST_PAGES = 400
COMING = {"/package", "/dead-letters"} - {route.path for route in ROUTES}


@pytest.fixture
async def surfer(filled: Readers) -> AsyncIterator[Surfer]:
    async with serving(filled, token=TOKEN) as base, surfing(base) as made:
        yield made


def inert(page: BeautifulSoup) -> list[str]:
    """What of the page could run, load or restyle, beside its own two files."""
    wrong = [str(tag)[:80] for tag in page.find_all(["style", "iframe", "object", "embed", "base", "svg", "img"])]
    wrong += [
        str(script)[:80]
        for script in page.find_all("script")
        if script.string or not str(script.get("src", "")).startswith("/static/")
    ]
    for tag in page.find_all(True):
        for name, value in tag.attrs.items():
            if name.lower().startswith("on") or name.lower() == "style":
                wrong.append(f"{tag.name} {name}")
            if name in ("href", "src", "action") and not str(value).startswith(("/", "#")):
                wrong.append(f"{tag.name} {name}={str(value)[:60]}")
    return wrong


def links(answer: Answer) -> set[str]:
    """Of this console, without what stands after `#`."""
    return {str(tag["href"]).partition("#")[0] for tag in answer.page.find_all(["a", "link"], href=True)} - {""}


async def crawl(surfer: Surfer, start: str = "/") -> dict[str, Answer]:
    seen: dict[str, Answer] = {}
    ahead = [start]
    while ahead and len(seen) < MOST_PAGES:
        url = ahead.pop()
        if url in seen:
            continue
        seen[url] = await surfer.get(url)
        if seen[url].headers.get("Content-Type", "").startswith("text/html"):
            ahead += sorted(links(seen[url]) - seen.keys())
        if "Location" in seen[url].headers:
            ahead.append(seen[url].headers["Location"])
    assert not ahead, "there are more pages than this test walks"
    return seen


async def test_every_link_leads_to_a_page_and_every_page_is_inert(surfer: Surfer) -> None:
    await surfer.sign_in(name="<script>alert(1)</script>")
    pages = await crawl(surfer)
    lost = {url: page.status for url, page in pages.items() if page.status not in (200, 303)}
    assert {url: status for url, status in lost.items() if urlsplit(url).path not in COMING} == {}
    documents = {url: page for url, page in pages.items() if "html" in page.headers.get("Content-Type", "")}
    assert {url: inert(page.page) for url, page in documents.items() if inert(page.page)} == {}
    assert {urlsplit(url).path for url in pages} >= {"/", "/requests", "/request", "/sessions", "/session", "/search"}
    assert len(pages) > 25


def test_what_is_not_inert_is_seen() -> None:
    for mark in ("<script>x</script>", "<b onclick=x>", "<a href='javascript:x'>", "<p style='x'>", "<img src=/x>"):
        assert inert(BeautifulSoup(mark, "html.parser")), mark


async def test_hostile_texts_are_shown_as_they_are(surfer: Surfer) -> None:
    session = await surfer.get(session_url(TENANT, ID))
    assert session.status == 200
    text = session.page.get_text()
    assert all(mark in text for mark in MARKS)
    assert ID in text
    assert TENANT in text
    assert EVALUATED not in session.text
    story = await surfer.get(request_url(TENANT, ID, REQUEST))
    assert HOSTILE in story.page.get_text()
    assert REQUEST in story.page.get_text()
    assert f"CW #{TICKET}" in story.said


async def test_an_address_can_hold_anything(surfer: Surfer) -> None:
    for path in ("/requests", "/sessions", "/session", "/request", "/search", "/sign-in"):
        for value in (*MARKS, LONG[:2000], "\x00", "\ud800", "🙂", "  "):
            raw = value.encode("utf-8", "surrogatepass")
            query = "".join(f"%{byte:02x}" for byte in raw)
            fields = "&".join(
                f"{name}={query}"
                for name in (
                    "q",
                    "tenant",
                    "session",
                    "request",
                    "ticket",
                    "state",
                    "since",
                    "at",
                    "after_tenant",
                    "next",
                )
            )
            answer = await surfer.get(f"{path}?{fields}")
            assert answer.status in (200, 303, 400, 404, 422), (path, value, answer.said)
            assert inert(answer.page) == []


class TestNow:
    async def test_it_says_what_stands_and_for_how_long(self, surfer: Surfer, filled: Readers) -> None:
        filled.health.failing("publish", "Kafka: <b>no leader</b>", seconds=200)
        page = await surfer.get("/")
        (item,) = page.page.select(".attention li.warn b:-soup-contains('publish')")
        line = item.parent
        assert line is not None
        assert "Kafka: <b>no leader</b>" in line.text
        assert "for 3 min 20 s" in " ".join(line.text.split())
        assert "records were refused in the last day: undecodable" in page.said

    async def test_it_names_what_is_near_its_deadline_and_what_that_waits_for(self, surfer: Surfer) -> None:
        said = (await surfer.get("/")).said
        assert "waits-for-99" in said
        assert "It waits for version 99 of the session, of which 14 is the newest" in said

    async def test_a_request_ahead_of_its_session_needs_attention(self, surfer: Surfer) -> None:
        (item,) = (await surfer.get("/")).page.select(".attention li.warn b:-soup-contains('request waits-for-99')")
        line = item.parent
        assert line is not None
        assert "It waits for version 99 of the session, of which 14 is the newest" in line.text
        assert line.a is not None
        assert (await surfer.get(str(line.a["href"]))).status == 200

    async def test_unknown_is_no_zero(self, surfer: Surfer) -> None:
        boxes = {
            box.dt.text: box.dd.text for box in (await surfer.get("/")).page.select(".figure") if box.dt and box.dd
        }
        assert boxes["Fallbacks to replace"] == "0"
        assert boxes["This month"] == "$0.00"


class TestRequests:
    async def listed(self, surfer: Surfer, **filters: object) -> list[str]:
        page = (await surfer.get(requests_url(**filters))).page
        return [row.select("td")[1].text for row in page.select("table.requests tbody tr")]

    async def test_each_filter_lets_through_what_it_says(self, surfer: Surfer) -> None:
        assert await self.listed(surfer, ticket="4711") == ["waits-for-99"]
        assert await self.listed(surfer, ticket="#4711 ") == ["waits-for-99"]
        assert set(await self.listed(surfer, ticket=TICKET)) == {"plain-request", REQUEST}
        assert await self.listed(surfer, tenant=TENANT) == [REQUEST]
        assert await self.listed(surfer, session=ID) == [REQUEST]
        assert await self.listed(surfer, request="waits-f") == ["waits-for-99"]
        assert await self.listed(surfer, request="_") == []
        assert set(await self.listed(surfer, state="done")) == {"plain-request", REQUEST}
        assert await self.listed(surfer, state="failed") == []
        assert set(await self.listed(surfer, status="fallback")) == {"plain-request", REQUEST}
        assert await self.listed(surfer, until="1h") == []
        assert len(await self.listed(surfer, since="1h")) == 50
        assert await self.listed(surfer, since="2099-01-01") == []

    async def test_a_wrong_filter_is_named_and_lists_nothing(self, surfer: Surfer) -> None:
        for name, value in (
            ("state", "opne"),
            ("status", "x"),
            ("cause", "x"),
            ("since", "yesterday"),
            ("order", "x"),
            ("after", "x"),
        ):
            page = await surfer.get(requests_url(**{name: value}))
            assert page.status == 422
            (problem,) = page.page.select(".refusal")
            assert name in problem.text or name == "after"
            assert "No request" not in page.said

    async def test_pages_follow_one_another_without_gap_or_repetition(self, surfer: Surfer) -> None:
        for order in ("newest", "oldest"):
            url, rows = requests_url(order=order), list[str]()
            for _ in range(3):
                page = (await surfer.get(url)).page
                rows += [row.select("td")[1].text for row in page.select("table.requests tbody tr")]
                ahead = page.select_one("a[rel=next]")
                if ahead is None:
                    break
                url = str(ahead["href"])
                assert dict(parse_qsl(urlsplit(url).query))["order"] == order
            assert len(rows) == len(set(rows)) == 63

    async def test_nothing_found_is_said(self, surfer: Surfer) -> None:
        assert "No request matches." in (await surfer.get("/requests?tenant=nobody")).said


class TestStory:
    async def test_it_tells_what_became_of_a_request(self, surfer: Surfer) -> None:
        said = (await surfer.get(request_url("default", "plain-session", "plain-request"))).said
        for sentence in (
            "The request was stored: asks for the newest state",
            "The record stands at escalation-requested/0/",
            "Draft by <i>m</i> (<b>): 1000 tokens in, 200 out, $0.0100",
            "Revision 1 (request) from version 7: a fallback, drafted by rules",
            "Revision 2 (state_changed) from version 9",
            "Feedback on revision 1: rejected: wrong",
            "waits in the outbox",
        ):
            assert sentence in said

    async def test_it_says_what_an_open_one_waits_for(self, surfer: Surfer) -> None:
        said = (await surfer.get(request_url("default", "waits", "waits-for-99"))).said
        assert said.count("It waits for version 99 of the session, of which 14 is the newest") == 2

    async def test_an_open_one_says_which_partition_stands_still_and_because_of_whom(
        self, surfer: Surfer, filled: Readers
    ) -> None:
        address = request_url("default", "waits", "waits-for-99")
        assert "Held back" not in (await surfer.get(address)).said
        filled.health.failing("partition", "x/3 for 70 s; producer 7 (<b>etl</b>) holds a transaction open")
        assert "producer 7 (<b>etl</b>) holds a transaction open" in (await surfer.get(address)).said
        filled.health.ok("partition")

    async def test_one_that_is_unknown_is_not_found(self, surfer: Surfer) -> None:
        assert (await surfer.get(request_url("a", "b", "c"))).status == 404
        assert (await surfer.get(session_url("a", "b"))).status == 404
        assert (await surfer.get("/request?tenant=a")).status == 400


class TestSessions:
    async def test_one_shows_its_events_with_their_actors(self, surfer: Surfer) -> None:
        page = (await surfer.get(session_url(TENANT, ID))).page
        events = page.select("h2#events ~ .scroll tbody tr")
        assert [event.td.text for event in events if event.td] == ["7", "6", "5", "4", "3", "2", "1"]
        assert MARKS[1] in events[-1].text

    async def test_the_list_is_filtered_by_the_beginning_of_an_id(self, surfer: Surfer) -> None:
        page = (await surfer.get("/sessions?session=plain")).page
        assert [row.select("td")[1].text for row in page.select("tbody tr")] == ["plain-session"]


class TestFinding:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("waits-for-99", "/request"),
            ("waits-f", "/request"),
            ("plain-session", "/session"),
            ("plain-s", "/session"),
            ("4711", "/session"),
            ("#4711", "/session"),
        ],
    )
    async def test_one_thing_is_gone_to(self, surfer: Surfer, text: str, path: str) -> None:
        answer = await surfer.get(search_url(text))
        assert (answer.status, urlsplit(answer.headers["Location"]).path) == (303, path)

    async def test_a_package_is_found_by_the_beginning_of_its_id(self, surfer: Surfer) -> None:
        story = await surfer.get(request_url("default", "plain-session", "plain-request"))
        (first, *_) = [url for url in links(story) if url.startswith("/package")]
        package_id = dict(parse_qsl(urlsplit(first).query))["id"]
        for text in (package_id, package_id.upper(), package_id[:12]):
            assert (await surfer.get(search_url(text))).headers["Location"] == first

    async def test_several_are_listed_and_none_is_said(self, surfer: Surfer) -> None:
        assert "Sessions with that ticket" in (await surfer.get(search_url(TICKET))).said
        assert "Nothing is known by" in (await surfer.get(search_url("nothing like it"))).said
        assert "Type a ticket" in (await surfer.get("/search")).said
