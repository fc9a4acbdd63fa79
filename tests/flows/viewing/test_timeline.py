"""The story of a request in the order of cause and effect, whatever the clocks say. Pure."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from consumer.domain.events import RequestKey
from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.packages import PackageView
from consumer.flows.viewing.story import FeedbackView, ModelCallView, RequestStory, StoryKind
from consumer.flows.viewing.timeline import with_timeline
from schemas.feedback import FeedbackOutcome
from schemas.packages import Cause, PackageStatus
from tests.flows.viewing.test_waiting import NOW, OPEN

PACKAGE = UUID(int=7)


def package(seconds: float) -> PackageView:
    return PackageView(
        package_id=PACKAGE, key=RequestKey("t", "s", "r"), revision=1, state_version=14, status=PackageStatus.READY,
        cause=Cause.REQUEST, replay_id=None, model="m", prompt_version="p", content_sha256="c", ticket=None,
        created_at=NOW + timedelta(seconds=seconds), published=True,
    )  # fmt: skip


def feedback(seconds: float, package_id: str = str(PACKAGE)) -> FeedbackView:
    at = NOW + timedelta(seconds=seconds)
    return FeedbackView(package_id=package_id, outcome=FeedbackOutcome.POSTED, said={}, occurred_at=at, origin=None)


def call(seconds: float) -> ModelCallView:
    at = NOW + timedelta(seconds=seconds)
    return ModelCallView(
        drafted_for="r/1", purpose="draft", provider="p", model="m", began_at=at, ended_at=at, usd=0.1, held_usd=0.0,
        input_tokens=1, output_tokens=1, cache_read_input_tokens=0, cache_creation_input_tokens=0,
    )  # fmt: skip


def kinds(*, packages: tuple[PackageView, ...], said: tuple[FeedbackView, ...]) -> list[StoryKind]:
    """Of a request that was stored at 0.6 s and called the model at 0.7 s."""
    stored = NOW + timedelta(seconds=0.6)
    story = RequestStory(
        request=replace(OPEN, state=RequestState.DONE, due_at=None, stored_at=stored),
        newest_events=(), calls=(call(0.7),), ledger=(), revisions=packages, waiting_events=(), feedback=said,
        dead_letters=(),
    )  # fmt: skip
    return [entry.kind for entry in with_timeline(story).entries]


def test_feedback_of_the_same_second_follows_what_it_is_about() -> None:
    """Its clock says 0 s, for it knows no parts of a second, or is behind by minutes."""
    whole = [StoryKind.RECORD, StoryKind.CALL, StoryKind.REVISION, StoryKind.FEEDBACK]
    assert kinds(packages=(package(0.8),), said=(feedback(0.0),)) == whole
    assert kinds(packages=(package(0.8),), said=(feedback(-600.0),)) == whole
    unknown = kinds(packages=(package(0.8),), said=(feedback(0.0, "another"),))
    assert unknown[0] is StoryKind.RECORD


def test_what_happened_later_stays_later() -> None:
    second = replace(package(30.0), revision=2, package_id=UUID(int=8))
    assert kinds(packages=(package(0.8), second), said=(feedback(20.0),))[-3:] == [
        StoryKind.REVISION,
        StoryKind.FEEDBACK,
        StoryKind.REVISION,
    ]
