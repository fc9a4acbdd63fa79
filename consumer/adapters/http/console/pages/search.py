"""The search box: straight to what the text names, or a list when it may mean several things."""

from aiohttp import web

from consumer.adapters.http.console.links import package_url, request_url, session_url
from consumer.adapters.http.console.visit import Visit, go_to
from consumer.flows.viewing.finding import IdMatches

LONGEST = 256


async def show_search(visit: Visit) -> web.Response:
    text = visit.asked("q") or ""
    if not text or len(text) > LONGEST:
        return visit.page("search.html", text=text, findings=None)
    findings = await visit.readers.finder.find(text)
    if findings.count == 1:
        return go_to(_only(findings))
    return visit.page("search.html", text=text, findings=findings)


def _only(findings: IdMatches) -> str:
    for package_id in findings.packages:
        return package_url(package_id)
    for request in findings.requests:
        return request_url(*request)
    return session_url(*(findings.sessions or findings.by_ticket)[0])
