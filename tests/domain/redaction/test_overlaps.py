"""Nested and overlapping secrets are removed from every text, whichever became known first."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from itertools import pairwise, permutations
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.domain.arrival.door import swept_data
from consumer.domain.redaction import Redactor
from consumer.domain.redaction.occurrences import MOST_OPENED_BYTES, opened
from consumer.domain.redaction.placeholders import PLACEHOLDER
from consumer.domain.session import recordings
from tests.domain.retold import (
    MARKED,
    Event,
    Marked,
    Session,
    after,
    are_nested,
    cleaned,
    occurrences,
    one_by_one,
    placeholder,
    scope,
)
from tests.support.remembered import remembered
from tests.support.wire import FACT, change

INNER, OUTER = "Winter2024", "xxWinter2024yy-tail"


# every order of arrival ends as one complete redaction

pieces = st.text("QRSTUVWX0123!%'\"/\\é&", max_size=5)
WAYS: list[Callable[[str], str]] = [
    str,
    lambda value: quote(value, safe=""),
    lambda value: b64encode(value.encode()).decode(),
    lambda value: b64encode(f"u{value}".encode()).decode(),
    lambda value: b64encode(value.encode("utf-16-le")).decode(),
    lambda value: value.replace("'", "''"),
]
ways = st.sampled_from(WAYS)


@st.composite
def families(draw: st.DrawFn) -> list[str]:
    """Values. Later ones may hold earlier ones in any spelling."""
    values: list[str] = []
    for number in range(draw(st.integers(2, 4))):
        is_outer = number > 0 and draw(st.booleans())
        inner = draw(ways)(draw(st.sampled_from(values))) if is_outer else draw(pieces)
        values.append(f"{draw(pieces)}Z{number}{inner}z{number}{draw(pieces)}".ljust(6, "Y"))
    return values


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], list[str], list[dict[int, Event]]]:
    """Values, raw texts, and both as events in batches. A text's name is its number."""
    values = draw(families())
    spelled = st.builds(lambda way, value: way(value), ways, st.sampled_from(values))
    texts = draw(st.lists(st.lists(spelled, min_size=1, max_size=3).map(" mn, ".join), min_size=1, max_size=3))
    events: list[Event] = [*texts, *map(Marked, values)]
    order = draw(st.permutations(range(len(events))))
    cuts = [0, *sorted(draw(st.sets(st.integers(1, len(events) - 1)))), len(events)]
    return values, texts, [{name: events[name] for name in order[first:last]} for first, last in pairwise(cuts)]


@given(histories())
def test_any_order_of_arrival_ends_as_one_look_at_everything(
    history: tuple[list[str], list[str], list[dict[int, Event]]],
) -> None:
    values, texts, batches = history
    assume(all(scope().text(text) == text and are_nested(occurrences(text, values)) for text in texts))
    assert after(batches) == {name: cleaned(text, values) for name, text in enumerate(texts)}


def test_what_the_law_speaks_of_is_common() -> None:
    """The property also holds for texts without secrets. This text holds many nested ones."""
    values = [INNER, OUTER, f"pre {OUTER} post"]
    text = " mn, ".join([*values, *(b64encode(value.encode()).decode() for value in values), quote(values[2])])
    assert are_nested(occurrences(text, values))
    assert PLACEHOLDER.sub("", cleaned(text, values)) == " mn, " * 6
    events: list[Event] = [text, *map(Marked, values)]
    for order in permutations(events):
        assert one_by_one(*order) == [cleaned(text, values)]


# what the door finds within a longer value

plain_words = st.text("ABCDEFGHabcdefgh", min_size=5, max_size=9).map(lambda word: f"{word}7")
TEMPLATES = [
    "postgres://svc:{}@db.example:5432/app",
    "Server=db1;User Id=sa;Password={};Encrypt=true",
    "password is {} Horse 99 Battery",
]


@pytest.mark.parametrize("template", TEMPLATES)
@given(word=plain_words, data=st.data())
def test_a_longer_value_is_gone_where_the_door_saw_a_part_of_it_first(
    template: str, word: str, data: st.DataObject
) -> None:
    longer = template.removeprefix("password is ").format(word)
    text = template.format(word)
    assert word not in scope().text(text)
    assert scope().text(text) != placeholder(longer)
    events: list[Event] = [f"used {text} then", f"again {word}", Marked(longer), Marked(word)]
    order = list(enumerate(data.draw(st.permutations(events))))
    cut = data.draw(st.integers(0, 4))
    assert sorted(after([dict(order[:cut]), dict(order[cut:])]).values()) == sorted(
        [f"used {text.replace(longer, placeholder(longer))} then", f"again {placeholder(word)}"]
    )


def test_a_part_that_the_door_found_keeps_its_kind_where_it_stands_alone() -> None:
    text = "password is Correct7 for all"
    assert (
        one_by_one(text, Marked("xCorrect7 y"), text)
        == [text.replace("Correct7", placeholder("Correct7", "password"))] * 2
    )


# overlaps in part


@given(*[st.text("QRSTUVWX0123!/é", min_size=6, max_size=10)] * 3, st.data())
def test_of_values_that_overlap_in_part_nothing_is_left_once_both_are_known(
    first: str, common: str, last: str, data: st.DataObject
) -> None:
    left, right = first + common, common + last
    text = f"m {first}{common}{last} n"
    assume(left != right and [occurrence.value for occurrence in occurrences(text, [left, right])] == [left, right])
    assume(scope().text(text) == text)  # no detector takes it for one value
    secrets = data.draw(st.permutations([Marked(left), Marked(right)]))
    histories_of_it: list[list[dict[int, Event]]] = [
        [{1: secrets[0]}, {2: secrets[1]}, {3: text}],
        [{3: text}, {1: secrets[0], 2: secrets[1]}],
        [{3: text, 1: secrets[0], 2: secrets[1]}],
    ]
    for batches in histories_of_it:
        assert after(batches) == {3: f"m {placeholder(left)}{placeholder(right)} n"}


def test_a_value_that_overlaps_what_the_door_found_goes_with_it() -> None:
    [text] = one_by_one(Marked("rect7 Horse"), "password is Correct7 Horse")
    assert text == f"password is {placeholder('Correct7', 'password')}{placeholder('rect7 Horse')}"


def test_of_values_that_overlap_in_part_the_second_sticks_out_where_the_text_came_between() -> None:
    """Not promised: to see that the first ends as the second begins, the service would have to keep parts of values."""
    assert one_by_one(Marked("abcdef123456"), "m abcdef123456ghijkl n", Marked("123456ghijkl")) == [
        f"m {placeholder('abcdef123456')}ghijkl n"
    ]


@pytest.mark.parametrize("value", ["000000", "ababab", "123456123456"])
def test_a_value_that_overlaps_itself_leaves_nothing(value: str) -> None:
    period = next(value[:length] for length in (1, 2, 6) if value[:length] * (len(value) // length) == value)
    for more in (1, 2, 3):
        text = f"m {value}{period * more} n"
        assert one_by_one(Marked(value), text) == one_by_one(text, Marked(value)) == [f"m {placeholder(value)} n"]


def test_a_value_that_overlaps_itself_is_one_place_whatever_else_is_known() -> None:
    """The other value has the same start and length, so one search looks for both."""
    text = "m ababababab n"
    events: list[Event] = [Marked("abababab"), Marked("abababXY"), text]
    for order in permutations(events):
        assert one_by_one(*order) == [f"m {placeholder('abababab')} n"]


# what is left alone


def test_another_secret_in_the_same_surroundings_is_not_the_longer_value() -> None:
    other = "xxAutumn2023yy-tail"
    events: list[Event] = [Marked("Autumn2023"), Marked(INNER), Marked(OUTER), other]
    for order in permutations(events):
        assert one_by_one(*order) == [other.replace("Autumn2023", placeholder("Autumn2023"))]


def test_a_value_that_two_secrets_share_keeps_its_placeholder() -> None:
    door = scope()
    door.parameters(MARKED, {"p": [INNER, "hunter-two"]})
    session = Session()
    session.take({1: f"m {INNER} n", 2: Marked(INNER)})
    before = dict(session.texts)
    learned = scope().learn(session.known, {secret.identity: secret for secret in door.found_secrets()})
    assert learned.fresh
    assert learned.stored.text(before[1]) == before[1]


def test_what_is_known_and_comes_again_changes_nothing_that_is_stored() -> None:
    """A stored placeholder may stand for any spelling, so it is not read as the value that came again."""
    session = Session()
    events: list[Event] = [Marked(OUTER), f"xx{b64encode(INNER.encode()).decode()}yy-tail", Marked(INNER)]
    for number, event in enumerate(events):
        session.take({number: event})
    assert session.texts == {1: f"xx{placeholder(INNER)}yy-tail"}
    session.take({3: Marked(INNER), 4: Marked("Elsewhere-9")})
    assert session.texts == {1: f"xx{placeholder(INNER)}yy-tail"}


def test_the_placeholder_of_a_nested_value_is_not_read_as_a_value_within_it() -> None:
    door = scope()
    whole = door.parameters(MARKED, {"p": [INNER]})
    door.parameters(MARKED, {"p": OUTER})
    assert isinstance(whole, dict)
    arriving = scope().learn({}, {secret.identity: secret for secret in door.found_secrets()}).arriving
    assert arriving.text(f"xx{whole['p']}yy-tail") == f"xx{whole['p']}yy-tail"


# beyond the texts of events


def test_a_file_of_events_is_read_as_if_everything_were_known() -> None:
    url = f"postgres://svc:{INNER}@db.example:5432/app"
    used = {
        "generation_id": "g1",
        "template": {"name": "n", "parameters_schema": MARKED},
        "parameters_used": {"p": url},
    }
    events = [change(data=FACT | {"text": f"used {url} then"}), change("session.script_generated.v1", used, version=2)]
    [recording] = recordings.read_recordings(
        [json.dumps(event) for event in events], Redactor(b"k" * 32)
    ).sessions.values()
    [fact] = recording.session.facts
    assert PLACEHOLDER.sub("-", fact.text) == "used - then"


def test_a_longer_value_leaves_a_text_in_which_secrets_are_numbered() -> None:
    """Packages and drafts number placeholders. No number names its secret, so any matches."""
    session = Session()
    session.take({1: Marked(INNER)})
    session.take({2: Marked(OUTER)})
    sweeper = scope().sweeper(session.known.values())
    assert sweeper.text("they used xx[REDACTED:password#3]yy-tail here") == f"they used {placeholder(OUTER)} here"
    assert sweeper.text("they used [REDACTED:password#3] here") == "they used [REDACTED:password#3] here"


def test_of_a_longer_value_that_is_little_else_numbers_tell_nothing() -> None:
    session = Session()
    session.take({1: Marked(INNER)})
    session.take({2: Marked(f"{INNER}-tail")})
    sweeper = scope().sweeper(session.known.values())
    assert sweeper.text("it was [REDACTED:password#3]-tail") == "it was [REDACTED:password#3]-tail"


def test_a_number_that_holds_a_known_one_is_replaced_as_a_whole() -> None:
    session = Session()
    session.take({1: Marked("12345678")})
    session.take({2: Marked("9912345678")})
    stored = '{"parameters_used":{"n":9912345678}}'
    assert json.loads(swept_data(scope().sweeper(session.known.values()), stored)) == {
        "parameters_used": {"n": placeholder("9912345678")}
    }


def test_given_placeholders_do_not_make_a_text_grow_without_end() -> None:
    value = "".join(map(str, range(12_000)))
    door = scope()
    door.parameters(MARKED, {"p": value})
    [secret] = door.found_secrets()
    text = placeholder(value) * 1_000
    plain, _ = opened(text, {secret.identity: value.encode()})
    assert len(plain) <= MOST_OPENED_BYTES + len(text)
    assert scope().sweeper(remembered(door)).with_at_hand([secret]).text(text) is text


def test_a_long_value_that_overlaps_itself_everywhere_takes_linear_time() -> None:
    started = time.process_time()
    assert one_by_one(Marked("a" * 60_000), "a" * 300_000) == [placeholder("a" * 60_000)]
    assert time.process_time() - started < 20.0, "a fingerprint at each place would take a minute"
