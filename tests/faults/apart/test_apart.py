"""Every page, command, record, act and query for one of two tenants: nothing of the other is shown, read or changed."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.adapters.http.console.routes import ROUTES
from tests.faults.apart.acts import ACTS
from tests.faults.apart.cases import COMMANDS, PAGES, Case
from tests.faults.apart.records import RECORDS
from tests.faults.apart.twins import OTHER, WORDS, Twins
from tests.faults.apart.watch import QueryWatch, named_queries
from tests.support.walker import commands, leaves

_KNOWN = tomllib.loads((Path(__file__).parent / "queries.toml").read_text(encoding="utf-8"))
SEEN: dict[str, list[str]] = _KNOWN["seen"]
"""The queries that the cases run, by file."""
SHARED: dict[str, dict[str, str]] = _KNOWN["shared"]
"""Why each of the others serves all tenants, by file."""
EMPTY = {"cache_evictions", "model_doubts", "settled_dead_letters"}
"""Tables that hold nothing of the other tenant."""
ACTING_CASES = {
    ("GET", "/dead-letters/job"), ("POST", "/dead-letters/submit"), ("POST", "/dead-letters/stop"),
    ("POST", "/replays/plan"), ("POST", "/tenants/set"),
    "dead-letters purge", "replay apply", "replay cancel", "replay plan", "tenant set",
}  # fmt: skip
"""Cases that change something, or show what such a case began."""
BROAD = {("GET", "/dead-letters"), ("GET", "/spend")}
"""Pages that read more than they show."""


def apart(twins: Twins, watch: QueryWatch, name: str, case: Case) -> Iterator[str]:
    """What of the other tenant the case has seen or changed."""
    before, moved = twins.standing(OTHER), set[str]()

    def look() -> None:
        forbidden, watch.forbidden = watch.forbidden, None
        moved.update(_moved(before, twins.standing(OTHER)))
        watch.forbidden = forbidden

    twins.after_intake = look
    watch.forbidden, watch.leaks = WORDS[OTHER], set()
    twins.looks_at_the_other = watch.allow
    shown: object = None
    try:
        shown = case(twins)
    except AssertionError as error:
        yield f"{name}: {error}"
    leaks, watch.forbidden = watch.leaks, None
    twins.after_intake = lambda: None
    if isinstance(shown, str) and WORDS[OTHER] in shown:
        yield f"{name} shows the other tenant"
    if leaks and name not in map(str, BROAD):
        yield f"{name} reads the other tenant by {sorted(leaks)}"
    moved |= _moved(before, twins.standing(OTHER))
    yield from (f"{name} changes {table} of the other" for table in sorted(moved))


def _moved(before: dict[str, list[str]], after: dict[str, list[str]]) -> set[str]:
    return {table for table in before if before[table] != after[table]}


def test_every_page_has_a_case_or_a_reason() -> None:
    assert {(route.method, route.path) for route in ROUTES} == PAGES.keys()


def test_every_command_has_a_case_or_a_reason() -> None:
    assert {" ".join(path) for path, _ in leaves(commands())} == COMMANDS.keys()


def test_every_query_has_a_case_or_a_reason() -> None:
    known = [f"{stem}.{name}" for table in (SEEN, SHARED) for stem, names in table.items() for name in names]
    assert sorted(known) == sorted(named_queries())


@pytest.mark.long
def test_whatever_is_done_for_a_tenant_nothing_of_the_other_is_seen_or_changed(twins: Twins) -> None:
    watch, wrong = QueryWatch(), list[str]()
    cases: dict[str, Case | str] = {
        **{str(name): case for name, case in PAGES.items()},
        **{f"`{name}`": case for name, case in COMMANDS.items()},
        **{case.__name__: case for case in (*ACTS, *RECORDS)},
    }
    assert {table for table, rows in twins.standing(OTHER).items() if not rows} == EMPTY, (
        "what is not there cannot change"
    )
    with watch.watching():
        for name, case in cases.items():
            if not isinstance(case, str):
                wrong += apart(twins, watch, name, case)
    assert not wrong, "\n".join(wrong)
    expected = {f"{stem}.{name}" for stem, names in SEEN.items() for name in names}
    assert expected - watch.ran == set(), "they have a case that does not run them"


@pytest.mark.long
def test_what_one_tenant_is_shown_does_not_depend_on_what_the_other_does(twins: Twins) -> None:
    """Also no sum does. What changes by itself, as an age, is left out: what differs between two looks."""
    cases = {str(name): case for name, case in (*PAGES.items(), *COMMANDS.items()) if name not in ACTING_CASES}
    looks = {name: case for name, case in cases.items() if not isinstance(case, str)}
    first, second = ({name: _tokens(case(twins)) for name, case in looks.items()} for _ in range(2))
    twins.goes_on(OTHER)
    third = {name: _tokens(case(twins)) for name, case in looks.items()}
    assert [name for name in looks if not _are_alike(first[name], second[name], third[name])] == []


_OF_THE_LOOK = re.compile(r'form_token" value="[^"]*"|\d{4}-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)[\d.]+')
"""What every look at a page has of its own: a form's token, and times to the microsecond."""


def _tokens(shown: object) -> list[str]:
    return re.findall(r"\w+|\W", _OF_THE_LOOK.sub("", str(shown)))


def _are_alike(first: list[str], second: list[str], third: list[str]) -> bool:
    """Whether three looks differ only in words in which the first two do."""
    return len(first) == len(second) == len(third) and all(
        word == later for word, again, later in zip(first, second, third, strict=True) if word == again
    )
