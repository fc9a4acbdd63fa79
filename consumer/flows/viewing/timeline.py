"""Tells the story of a request: facts in, sentences out, in the order of their times. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from consumer.domain.package.cautions import say_warning
from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.dead_letters import DeadLetterView
from consumer.flows.viewing.requests import RequestView
from consumer.flows.viewing.story import LedgerView, ModelCallView, RequestStory, StoryEntry, StoryKind
from consumer.flows.viewing.waiting import moment
from schemas.packages import PackageStatus


def with_timeline(story: RequestStory) -> RequestStory:
    """The story with its timeline: the earliest first; what holds now, and has no time, comes last."""
    entries = list(_entries(story))
    made_at = {str(package.package_id): package.created_at for package in story.revisions}
    timed = [
        (_after_its_cause(entry, entry.at, story.request.stored_at, made_at), number, entry)
        for number, entry in enumerate(entries)
        if entry.at is not None
    ]
    timed.sort(key=lambda each: each[:2])
    return replace(
        story, entries=(*(entry for _, _, entry in timed), *(entry for entry in entries if entry.at is None))
    )


def _after_its_cause(entry: StoryEntry, at: datetime, stored_at: datetime, made_at: Mapping[str, datetime]) -> datetime:
    """Where an entry stands: `_entries` decides between equal times.

    Feedback's time is by another clock, often without parts of a second: it follows what it is about.
    """
    match entry.kind:
        case StoryKind.FEEDBACK:
            return max(at, stored_at, made_at.get(entry.package_id or "", at))
        case StoryKind.CALL | StoryKind.REVISION | StoryKind.END:
            return max(at, stored_at)
        case _:
            return at


def _entries(story: RequestStory) -> Iterator[StoryEntry]:
    yield _arrival(story)
    yield from (refusal_entry(letter) for letter in story.dead_letters)
    yield from (_call(call) for call in story.calls)
    yield from (_draft(draft) for draft in story.ledger if draft.state != "claimed")
    yield from _revisions(story)
    yield from _feedback(story)
    yield from _end(story.request)
    yield from _publication(story)
    yield from _now(story.request)


def refusal_entry(letter: DeadLetterView) -> StoryEntry:
    """A record that was refused at the door."""
    return StoryEntry(
        kind=StoryKind.REFUSAL, at=letter.failed_at, text=letter.sentence, origin=letter.origin, attention=True
    )


def _arrival(story: RequestStory) -> StoryEntry:
    request = story.request
    if request.state is RequestState.FORESEEN:
        return StoryEntry(kind=StoryKind.RECORD, at=request.stored_at, text="Its cancellation was stored before it.")
    wanted = "the newest state" if request.requested_version is None else f"version {request.requested_version}"
    terms = [f"asks for {wanted}", f"priority {request.priority}", f"deadline {request.deadline_seconds} s"]
    terms += ["forced"] * request.force + ["from the replay topic"] * request.from_replay
    place = (
        f" The record stands at {request.origin.topic_partition}/{request.origin.offset}."
        if request.origin
        else " Where its record stands was not noted then."
    )
    return StoryEntry(
        kind=StoryKind.RECORD,
        at=request.stored_at,
        text=f"The request was stored: {', '.join(terms)}.{place}",
        origin=request.origin,
    )


def _call(call: ModelCallView) -> StoryEntry:
    head = f"{call.purpose.capitalize()} by {call.model} ({call.provider})"
    seconds = call.seconds
    if seconds is None:
        text = f"{head}: under way, or cut off; it holds ${call.held_usd:.4f} of the budget."
    else:
        price = "price not known" if call.usd is None else f"${call.usd:.4f}"
        cached = f", {call.cache_read_input_tokens} of them cached" if call.cache_read_input_tokens else ""
        text = f"{head}: {call.tokens_in} tokens in{cached}, {call.output_tokens} out, {price}, {seconds:.1f} s."
    return StoryEntry(kind=StoryKind.CALL, at=call.began_at, text=text)


def _draft(draft: LedgerView) -> StoryEntry:
    if draft.state == "refused":
        text = f"No draft of {draft.model} was good enough ({draft.refusal}): rules write instead."
        return StoryEntry(kind=StoryKind.LEDGER, at=draft.drafted_at, text=text, attention=True)
    checked = (
        "not checked by the second reader"
        if draft.statements is None
        else f"{draft.statements} statements checked, {draft.flagged or 0} flagged, {draft.removed or 0} removed"
    )
    warned = f"; warnings: {', '.join(draft.warnings)}" if draft.warnings else ""
    text = f"The draft was kept: {draft.model}, calls: {draft.attempts}, {checked}{warned}."
    return StoryEntry(kind=StoryKind.LEDGER, at=draft.drafted_at, text=text)


def _revisions(story: RequestStory) -> Iterator[StoryEntry]:
    for package in story.revisions:
        by = f"drafted by {package.model}" if package.status is PackageStatus.READY else "a fallback, drafted by rules"
        sent = "" if package.published else " Its event waits to be published."
        warnings = "".join(f" {say_warning(word)}" for word in package.warnings)
        yield StoryEntry(
            kind=StoryKind.REVISION,
            at=package.created_at,
            text=f"Revision {package.revision} ({package.cause.value}) from version {package.state_version}: {by}; "
            f"{package.ticket or 'no ticket'}.{warnings}{sent}",
            package_id=str(package.package_id),
        )


def _feedback(story: RequestStory) -> Iterator[StoryEntry]:
    revisions = {str(package.package_id): package.revision for package in story.revisions}
    for said in story.feedback:
        reason = f": {said.said['reason']}" if said.said.get("reason") else ""
        revision = revisions.get(said.package_id, "?")
        yield StoryEntry(
            kind=StoryKind.FEEDBACK,
            at=said.occurred_at,
            text=f"Feedback on revision {revision}: {said.outcome.value}{reason}.",
            origin=said.origin,
            package_id=said.package_id,
        )


def _publication(story: RequestStory) -> Iterator[StoryEntry]:
    for event in story.waiting_events:
        if event.refused_at is None:
            text = f"An event for {event.topic} waits in the outbox."
        else:
            again = f"; tried again at {moment(event.retry_at)}" if event.retry_at else "; tried again with its topic"
            text = (
                f"Kafka refuses its event for {event.topic} since {moment(event.refused_at)}: {event.refusal}{again}."
            )
        yield StoryEntry(kind=StoryKind.PUBLICATION, at=None, text=text, attention=event.refused_at is not None)


def _end(request: RequestView) -> Iterator[StoryEntry]:
    if request.state is RequestState.FAILED:
        text = f"It ended without a package: {request.failure or 'the reason was not noted'}."
        yield StoryEntry(kind=StoryKind.END, at=_end_time(request), text=text, attention=True)
    elif request.state is RequestState.CANCELLED:
        yield StoryEntry(kind=StoryKind.END, at=_end_time(request), text="It was cancelled.", attention=True)


def _end_time(request: RequestView) -> datetime:
    return request.ended_at or request.stored_at


def _now(request: RequestView) -> Iterator[StoryEntry]:
    if request.waits_for is None:
        return
    leased = request.leased_until is not None and request.leased_until > request.read_at
    kind = StoryKind.LEASE if leased else StoryKind.WAITING
    late = request.state is RequestState.OPEN and request.missed_deadline
    over = f" Its deadline passed at {moment(request.deadline_at)}." if late and request.deadline_at else ""
    yield StoryEntry(kind=kind, at=None, text=request.waits_for + over, attention=request.state is RequestState.OPEN)
