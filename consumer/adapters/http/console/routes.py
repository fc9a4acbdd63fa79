"""The pages and their addresses, in the order of the navigation."""

from dataclasses import dataclass

from consumer.adapters.http.console.pages import now, requests, search, sessions, signing, story
from consumer.adapters.http.console.pages.customers import feedback, spend, tenants
from consumer.adapters.http.console.pages.jobs import applying, dead_letters, replays
from consumer.adapters.http.console.pages.packages import package, revisions
from consumer.adapters.http.console.visit import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A page. One with a label stands in the navigation; one with `method="POST"` acts."""

    path: str
    page: Page
    label: str = ""
    method: str = "GET"


ROUTES = (
    Route(path="/", page=now.show_now, label="Now"),
    Route(path="/requests", page=requests.show_requests, label="Requests"),
    Route(path="/request", page=story.show_story),
    Route(path="/sessions", page=sessions.show_sessions, label="Sessions"),
    Route(path="/session", page=sessions.show_session_page),
    Route(path="/search", page=search.show_search),
    Route(path="/dead-letters", page=dead_letters.show_dead_letters, label="Dead letters"),
    Route(path="/dead-letters/preview", page=dead_letters.preview_letter_job),
    Route(path="/dead-letters/submit", page=dead_letters.submit_letter_job, method="POST"),
    Route(path="/dead-letters/job", page=dead_letters.show_letter_job),
    Route(path="/dead-letters/stop", page=dead_letters.stop_letter_job, method="POST"),
    Route(path="/replays", page=replays.show_replays, label="Replays"),
    Route(path="/replays/plan", page=replays.make_plan, method="POST"),
    Route(path="/replay", page=replays.show_replay),
    Route(path="/replay/preview", page=applying.preview_apply),
    Route(path="/replay/apply", page=applying.begin_replay, method="POST"),
    Route(path="/replay/stop", page=applying.stop_replay, method="POST"),
    Route(path="/replay/cancel", page=applying.end_replay, method="POST"),
    Route(path="/spend", page=spend.show_spend, label="Spend"),
    Route(path="/feedback", page=feedback.show_feedback_page, label="Feedback"),
    Route(path="/tenants", page=tenants.show_tenants, label="Tenants"),
    Route(path="/tenants/preview", page=tenants.preview_policy),
    Route(path="/tenants/set", page=tenants.set_policy_from_form, method="POST"),
    Route(path="/package", page=package.show_package_page),
    Route(path="/package/copy", page=package.copy_package),
    Route(path="/package/difference", page=revisions.show_difference),
    Route(path="/sign-in", page=signing.show_sign_in),
    Route(path="/sign-in", page=signing.sign_in, method="POST"),
    Route(path="/sign-out", page=signing.sign_out, method="POST"),
)
