"""One request's story: from its record over calls, checks and packages to what engineers said of it."""

from aiohttp import web

from consumer.adapters.http.console.telling import say_count, say_span, say_time, say_usd
from consumer.adapters.http.console.visit import Visit
from consumer.domain.events import RequestKey
from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.requests import RequestView
from consumer.flows.viewing.story import RequestStory, StoryEntry, StoryKind

_TONES = {
    StoryKind.REFUSAL: "bad",
    StoryKind.WAITING: "busy",
    StoryKind.LEASE: "busy",
    StoryKind.REVISION: "good",
    StoryKind.END: "bad",
}


async def show_story(visit: Visit) -> web.Response:
    key = RequestKey(visit.needed("tenant"), visit.needed("session"), visit.needed("request"))
    story = await visit.readers.views.request_story(key)
    if story is None:
        refused = await visit.readers.views.refused_request(key.request_id, tenant=key.tenant_id)
        if refused is None:
            raise web.HTTPNotFound(text="No such request is known.")
        return visit.page("request_refused.html", status=404, key=key, letters=refused.dead_letters)
    return visit.page(
        "request.html",
        story=story,
        request=story.request,
        held_back=_held_back(visit, story.request),
        about=_about(story),
        entries=[(entry, _tone(entry)) for entry in story.entries],
    )


def _held_back(visit: Visit, request: RequestView) -> str:
    """Why partitions of this replica stand still, with who holds a transaction open there; empty when none does."""
    if request.state is not RequestState.OPEN:
        return ""
    return next((stuck.reason for stuck in visit.readers.health.stuck() if stuck.what == "partition"), "")


def _about(story: RequestStory) -> list[tuple[str, str]]:
    request = story.request
    origin = request.origin
    return [
        (name, value)
        for name, value in (
            ("Deadline", _deadline(request)),
            ("Priority", f"{request.priority}{', from a replay' if request.from_replay else ''}"),
            ("Asked for", _version(request.requested_version)),
            ("Session is at", _version(request.newest_version)),
            ("Revisions", str(request.revision)),
            ("Model calls", f"{say_count(len(story.calls))} for {say_usd(story.usd)}" if story.calls else "none"),
            ("Record", f"{origin.topic_partition}/{origin.offset}" if origin is not None else ""),
        )
        if value
    ]


def _tone(entry: StoryEntry) -> str:
    return "bad" if entry.attention else _TONES.get(entry.kind, "")


def _deadline(request: RequestView) -> str:
    if request.deadline_at is None:
        still = "; its clock stands still" if request.state is RequestState.OPEN else ""
        return f"{say_span(request.deadline_seconds)} after its clock begins{still}"
    moment = f"{say_time(request.deadline_at)}, {say_span(request.deadline_seconds)} after its clock began"
    if request.missed_deadline:
        return f"{moment}; missed"
    if request.state is not RequestState.OPEN:
        return moment
    return f"{moment}; {say_span((request.deadline_at - request.read_at).total_seconds())} are left"


def _version(version: int | None) -> str:
    return f"version {version}" if version is not None else ""
