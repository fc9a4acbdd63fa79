"""The addresses of pages. Ids stand in the query, where no `/`, `..` or `%` of theirs means anything."""

from collections.abc import Mapping
from urllib.parse import urlencode


def request_url(tenant: str, session: str, request: str) -> str:
    return _url("/request", tenant=tenant, session=session, request=request)


def session_url(tenant: str, session: str) -> str:
    return _url("/session", tenant=tenant, session=session)


def requests_url(**filters: object) -> str:
    """The list of requests, filtered by these fields of its form."""
    return _url("/requests", **filters)


def sessions_url(**filters: object) -> str:
    return _url("/sessions", **filters)


def package_url(package_id: object, **more: object) -> str:
    return _url("/package", id=package_id, **more)


def package_copy_url(package_id: object, form: str) -> str:
    """Its `plain_text` or `markdown` as a file."""
    return _url("/package/copy", id=package_id, form=form)


def difference_url(package_id: object, before: object = None) -> str:
    """What changed from the package `before`, by default the revision before."""
    return _url("/package/difference", id=package_id, **{"from": before})


def replay_url(replay_id: object, **more: object) -> str:
    return _url("/replay", id=replay_id, **more)


def dead_letters_url(**filters: object) -> str:
    return _url("/dead-letters", **filters)


def dead_letter_preview_url(action: str, chosen: Mapping[str, object]) -> str:
    return _url("/dead-letters/preview", action=action, **chosen)


def dead_letter_job_url(job_id: object) -> str:
    return _url("/dead-letters/job", id=job_id)


def spend_url(**filters: object) -> str:
    return _url("/spend", **filters)


def feedback_url(**filters: object) -> str:
    return _url("/feedback", **filters)


def tenants_url(**filters: object) -> str:
    return _url("/tenants", **filters)


def search_url(text: str) -> str:
    return _url("/search", q=text)


def _url(path: str, **query: object) -> str:
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path
