"""The addresses of pages. Ids stand in the query, where no `/`, `..` or `%` of theirs means anything."""

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


def package_url(package_id: object) -> str:
    return _url("/package", id=package_id)


def dead_letters_url(**filters: object) -> str:
    return _url("/dead-letters", **filters)


def search_url(text: str) -> str:
    return _url("/search", q=text)


def _url(path: str, **query: object) -> str:
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path
