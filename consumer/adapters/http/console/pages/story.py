"""One request's story: from its arrival over calls, packages and publication to what engineers said of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from consumer.adapters.http.console.links import package_url, session_url
from consumer.adapters.http.console.telling import say_count, say_span, say_time, say_usd
from consumer.adapters.http.console.visit import Visit
from consumer.domain.events import RequestKey
from consumer.flows.viewing.request_story import RequestStory, ToldCall, ToldFeedback, ToldPackage

_TONES = {"posted": "good", "accepted": "good", "edited": "warn", "rejected": "bad", "failed": "bad"}
_PURPOSES = {"draft": "The model drafts", "check": "The second reader checks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEntry:
    """Something that happened; `at` is None where nothing notes when."""

    at: datetime | None
    what: str
    tone: str = ""
    text: str = ""
    took: float | None = None
    facts: tuple[tuple[str, str], ...] = ()
    href: str = ""
    link: str = ""


async def show_story(visit: Visit) -> web.Response:
    key = RequestKey(visit.needed("tenant"), visit.needed("session"), visit.needed("request"))
    story = await visit.readers.stories.story(key)
    if story is None:
        raise web.HTTPNotFound(text="No such request is known.")
    return visit.page(
        "request.html",
        request=story.request,
        reason=story.reason,
        waits=story.request.waits,
        about=_about(story),
        entries=_entries(story),
    )


def _about(story: RequestStory) -> list[tuple[str, str]]:
    request = story.request
    left = request.left_seconds
    usd = sum(call.usd or 0.0 for call in story.calls)
    return [
        (name, value)
        for name, value in (
            ("Deadline", _deadline(request.deadline_at, left, story.deadline_seconds)),
            ("Priority", f"{request.priority}{', from a replay' if story.from_replay else ''}"),
            ("Asked for", _version(request.requested_state_version)),
            ("Session is at", _version(request.newest_version)),
            ("Revisions", _revisions(request.revision, story.revisions_by_change)),
            ("Model calls", f"{len(story.calls)} for {say_usd(usd)}" if story.calls else "none"),
            ("Trace", story.traceparent or ""),
        )
        if value
    ]


def _entries(story: RequestStory) -> list[StoryEntry]:
    """By time; what waits now comes last."""
    request = story.request
    entries = [
        StoryEntry(
            at=request.stored_at,
            what="The request was stored",
            text="It asks for a fresh draft, whatever is known already." if story.force else "",
            href=session_url(request.tenant_id, request.session_id),
            link="its session",
        )
    ]
    entries += [_of_call(call) for call in story.calls]
    usage: dict[int | None, list[ToldCall]] = defaultdict(list)
    for call in story.calls:
        usage[call.revision].append(call)
    entries += [_of_package(package, usage[package.revision]) for package in story.packages]
    entries += [_of_feedback(feedback) for feedback in story.feedback]
    if request.state in ("failed", "cancelled"):
        what = "It ended without a package" if request.state == "failed" else "It was cancelled"
        entries.append(StoryEntry(at=request.ended_at, what=what, tone="bad", text=request.failure or ""))
    entries.sort(key=lambda entry: entry.at or request.stored_at)
    for event in story.unpublished:
        refused = event.refused_at is not None
        entries.append(
            StoryEntry(
                at=event.created_at,
                what="An event of its session is refused by its topic" if refused else "An event waits to be published",
                tone="bad" if refused else "busy",
                text=event.refusal or "",
                facts=(("Topic", event.topic), ("Event", event.event_id)),
            )
        )
    return entries + list(_now(story))


def _now(story: RequestStory) -> Iterator[StoryEntry]:
    request = story.request
    if request.waits:
        facts = (("Replica", request.leased_by),) if request.leased_by and request.is_leased else ()
        tone = "bad" if request.late else "busy"
        what = "Now it is being drafted" if request.is_leased else f"Now it waits for {request.waits}"
        yield StoryEntry(at=request.at, what=what, tone=tone, facts=facts)


def _of_call(call: ToldCall) -> StoryEntry:
    took = (call.ended_at - call.began_at).total_seconds() if call.ended_at is not None else None
    cached = f"{say_count(call.cache_read_input_tokens)} from the cache"
    tokens = (
        f"{say_count(_tokens_in(call))} in ({cached}), {say_count(call.output_tokens)} out"
        if call.ended_at is not None
        else "not known: it has not ended, or its process was killed"
    )
    return StoryEntry(
        at=call.began_at,
        what=_PURPOSES.get(call.purpose, f"A model is called ({call.purpose})"),
        tone="" if call.ended_at is not None else "busy",
        took=took,
        facts=(
            ("For revision", say_count(call.revision)),
            ("Model", f"{call.model} at {call.provider}"),
            ("Tokens", tokens),
            ("Price", say_usd(call.usd)),
        ),
    )


def _of_package(package: ToldPackage, calls: list[ToldCall]) -> StoryEntry:
    event = package.event
    provenance: Mapping[str, Any] = event.get("provenance") or {}
    facts = [
        ("Cause", package.cause),
        ("Status", package.status),
        ("Rests on", f"version {event.get('state_version')}, {provenance.get('event_count')} events"),
        ("Drafted by", str(provenance.get("model") or "rules")),
        ("Check", _check(provenance.get("check"))),
        ("Cost", say_usd(sum(call.usd or 0.0 for call in calls)) if calls else ""),
        ("Secrets removed", say_count(event.get("redactions")) if event.get("redactions") else ""),
        ("Warnings", ", ".join(map(str, event.get("warnings") or ()))),
    ]
    return StoryEntry(
        at=package.created_at,
        what=f"Revision {package.revision} was made",
        tone="good" if package.status == "complete" else "warn" if package.status == "fallback" else "good",
        facts=tuple(fact for fact in facts if fact[1]),
        href=package_url(package.package_id),
        link="the package",
    )


def _of_feedback(feedback: ToldFeedback) -> StoryEntry:
    said = feedback.said
    texts = [str(said[name]) for name in ("reason", "comment") if said.get(name)]
    return StoryEntry(
        at=feedback.occurred_at,
        what=f"Revision {feedback.revision} was {feedback.outcome}"
        if feedback.outcome != "failed"
        else "Posting it failed",
        tone=_TONES.get(feedback.outcome, ""),
        text="\n".join(texts),
        facts=(("Note", str(said["note_id"])),) if said.get("note_id") else (),
    )


def _check(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return ""
    return f"{check['statements']} statements, {check['flagged']} flagged, {check['removed']} removed"


def _revisions(count: int, by_change: int) -> str:
    return f"{count}, of which {by_change} by changes of the session" if by_change else str(count)


def _deadline(at: datetime | None, left: float | None, promised_seconds: int) -> str:
    if at is None:
        return f"{say_span(promised_seconds)}; its clock stands still, or nothing is promised any more"
    moment = f"{say_time(at)}, {say_span(promised_seconds)} after its clock began"
    if left is None:
        return moment
    return f"{moment}; {say_span(left)} are left" if left >= 0 else f"{moment}; {say_span(left)} late"


def _version(version: int | None) -> str:
    return f"version {version}" if version is not None else ""


def _tokens_in(call: ToldCall) -> int:
    return call.input_tokens + call.cache_read_input_tokens + call.cache_creation_input_tokens
