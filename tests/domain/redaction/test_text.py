"""Free text: what is found, what stays, and that no text makes redaction slow.

The labelled cases have two halves: the patterns were written beside ``dev``; ``held_out`` was written before them
and is only counted. A case is found when every secret in it is gone.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import BuiltinMethodType, FunctionType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.domain.redaction import Redactor, Scope
from consumer.domain.redaction.detectors import RULES, Family, Looks, find_secrets
from consumer.domain.redaction.placeholders import PLACEHOLDER
from tests.support.remembered import remembered

SECRETS = Path(__file__).parents[2] / "golden" / "secrets"
HALVES = ("dev", "held_out")
LEAST_FOUND = 0.95
MOST_TOUCHED = 0.03
LENGTH = 100_000
GENEROUS_SECONDS = 20.0
"""For 100 kB of nothing but anchors on a busy machine; one quadratic pattern needs minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    family: Family
    text: str
    secrets: tuple[str, ...]


def cases(half: str) -> list[Case]:
    with (SECRETS / f"{half}.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Case(family=Family(row["family"]), text=row["text"], secrets=tuple(row["secrets"])) for row in rows]


def scope(session: str = "session", tenant: str = "tenant") -> Scope:
    return Redactor(b"k" * 32).scope(tenant, session)


def bare(text: str) -> str:
    return PLACEHOLDER.sub("\N{BLACK SQUARE}", text)


def is_found(case: Case) -> bool:
    redacted = bare(scope().text(case.text))
    return "\N{BLACK SQUARE}" in redacted and all(secret not in redacted for secret in case.secrets)


def test_the_labelled_set_is_large_enough() -> None:
    everything = [case for half in HALVES for case in cases(half)]
    assert sum(bool(case.secrets) for case in everything) >= 300
    assert sum(not case.secrets for case in everything) >= 200
    for labelled in (True, False):
        assert {case.family for case in everything if bool(case.secrets) is labelled} == set(Family)
    assert len({case.text for case in everything}) == len(everything)


@pytest.mark.parametrize("half", HALVES)
def test_secrets_are_found_and_look_alikes_kept(half: str) -> None:
    hits, touched, total = Counter[str](), Counter[str](), Counter[tuple[str, bool]]()
    for case in cases(half):
        total[case.family, bool(case.secrets)] += 1
        if case.secrets:
            hits[case.family] += is_found(case)
        else:
            touched[case.family] += scope().text(case.text) != case.text
    positives = sum(count for (_, labelled), count in total.items() if labelled)
    negatives = sum(count for (_, labelled), count in total.items() if not labelled)
    for family in Family:
        print(  # noqa: T201 - the report is part of the test
            f"{half:9} {family:17} found {hits[family]:3}/{total[family, True]:<3}"
            f" touched {touched[family]:2}/{total[family, False]}"
        )
    print(f"{half:9} found {hits.total()}/{positives}, touched {touched.total()}/{negatives}")  # noqa: T201
    assert hits.total() >= LEAST_FOUND * positives
    assert touched.total() <= MOST_TOUCHED * negatives


@pytest.mark.parametrize(
    "text",
    [
        "Authentication-Results: spf=pass smtp.mailfrom=invoices.example; dkim=pass header.d=invoices.example",
        "spf=pass dkim=none dmarc=fail",
        "Certificate validity in token: 21-05-2024 to 20-05-2026 23:59",
    ],
)
def test_what_a_mail_server_found_and_days_are_kept(text: str) -> None:
    assert scope().text(text) == text


@pytest.mark.parametrize("half", HALVES)
def test_only_the_secret_itself_is_replaced(half: str) -> None:
    """Nearly always to the character; a neighbour may go with it, but never more than a word."""
    inexact = 0
    for case in cases(half):
        left = case.text
        for secret in case.secrets:
            left = left.replace(secret, "\N{BLACK SQUARE}")
        inexact += bool(case.secrets) and bare(scope().text(case.text)) != left
    assert inexact <= 0.05 * len(cases(half))


@pytest.mark.parametrize("half", HALVES)
def test_redacting_twice_is_redacting_once(half: str) -> None:
    for case in cases(half):
        once = scope().text(case.text)
        assert scope().text(once) == once


FRAGMENTS = [case.text for half in HALVES for case in cases(half) if case.secrets]
SIGNS = [" ", "\n", "'", '"', " is ", ": ", "=", ";", " -p ", "password", "pwd=", "x / ", "](", "{", "}",
         "[REDACTED:", ":0", "token ", "[REDACTED:password#1]", f"[REDACTED:token:{'0a' * 8}]"]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS) | st.sampled_from(SIGNS) | st.text(max_size=12), max_size=8))
def test_any_text_is_redacted_once_and_for_all(parts: list[str]) -> None:
    text = "".join(parts)
    once = scope().text(text)
    assert scope().text(once) == once
    for placeholder in PLACEHOLDER.findall(text):
        assert placeholder in PLACEHOLDER.findall(once)


FAR_APART = st.sampled_from(["", " ", "\n", "Ping works. " * 30, "x" * 300, " " * 60, "The printer answers.\n" * 250])


@given(st.lists(st.sampled_from(FRAGMENTS) | st.sampled_from(SIGNS) | FAR_APART, max_size=12))
def test_a_further_look_near_what_changed_finds_what_a_look_at_everything_would(parts: list[str]) -> None:
    text = before = "".join(parts)
    door = scope()
    while detections := find_secrets(text, Looks()):
        text, _ = door._replaced(text, detections)
    assert scope().text(before) == text


@pytest.mark.parametrize(
    "text",
    [
        'Auto!102x is the new password: "Ms0l!User"',
        "They use Share!56x as password for everything, neues PW: Neu!104xy",
        "000011-000022-000033-000044-000055-000066-000077-000088hf_TESTtestTESTtestTESTtestTESTtest12",
    ],
)
def test_what_only_a_second_look_finds_is_found_at_once(text: str) -> None:
    once = scope().text(text)
    assert scope().text(once) == once
    assert len(PLACEHOLDER.findall(once)) == 2


@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3))
@example(2 * ["[Environment]::SetEnvironmentVariable('DB_PASSWORD','Env!Var55','Machine')"])
def test_what_was_found_is_found_elsewhere(parts: list[str]) -> None:
    door = scope()
    redacted = door.text("\n".join(parts))
    sweeper = door.sweeper(remembered(door))
    assert sweeper.text(redacted) == redacted
    assert not sweeper or remembered(door) == tuple(sorted(remembered(door), key=lambda secret: secret.identity))


def test_a_placeholder_is_stable_within_a_session_and_means_nothing_in_another() -> None:
    first, second = scope().text("pw: Harbor!Pike9"), scope().text("password is Harbor!Pike9")
    assert PLACEHOLDER.findall(first) == PLACEHOLDER.findall(second) != []
    others = [scope("other").text("pw: Harbor!Pike9"), scope(tenant="other").text("pw: Harbor!Pike9")]
    assert len({first, *others}) == 3


def test_a_password_seen_in_a_later_text_is_known() -> None:
    door = scope()
    door.text("reset his pw to Marble!22")
    assert "Marble!22" not in door.sweep("typed Marble!22 by mistake as user name", remembered(door))


@pytest.mark.parametrize("word", ["PIN is 482619", "door code: 482619", "$password = 'windows'"])
def test_a_value_that_every_ticket_holds_is_not_looked_for_elsewhere(word: str) -> None:
    door = scope()
    assert door.text(word) != word
    assert remembered(door) == ()


def test_a_clean_text_is_the_same_object() -> None:
    text = "Outlook crashes at start"
    assert scope().text(text) is text


@pytest.mark.parametrize(
    "text", ["\ud800 password: Harbor!Pike9", "İ password: Harbor!Pike9", "pw: Harbor!Pike9 \udfff"]
)
def test_odd_characters_open_no_door(text: str) -> None:
    redacted = scope().text(text)
    assert "Harbor" not in redacted
    assert bare(redacted) == text.replace("Harbor!Pike9", "\N{BLACK SQUARE}")


def patterns(of: object, depth: int = 0) -> Iterator[re.Pattern[str]]:
    """All patterns that a rule's function can reach."""
    match of:
        case re.Pattern():
            yield of
        case FunctionType() if depth < 5 and "redaction" in of.__module__:
            reached = [cell.cell_contents for cell in of.__closure__ or ()]
            for each in [*reached, *(of.__globals__.get(name) for name in of.__code__.co_names), of.__defaults__]:
                yield from patterns(each, depth + 1)
        case tuple() if depth < 5:
            for each in of:
                yield from patterns(each, depth + 1)
        case property():
            yield from patterns(of.fget, depth + 1)
        case BuiltinMethodType():
            yield from patterns(of.__self__, depth + 1)
        case _:
            pass


def unbounded(source: Iterable[tuple[object, object]]) -> Iterator[object]:
    """The repetitions in a parsed pattern that have no bound and can backtrack."""
    for operation, argument in source:
        if operation in {constants.MAX_REPEAT, constants.MIN_REPEAT} and argument[1] == constants.MAXREPEAT:  # type: ignore[index]
            yield argument
        for inner in flattened(argument):
            yield from unbounded(inner)


def flattened(argument: object) -> Iterator[parser.SubPattern]:
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for each in argument:
            yield from flattened(each)


class TestTables:
    HEADS = ("password", "Kennwort", "PIN", "API key")

    @pytest.mark.parametrize("delimiter", ["|", "\t", ";", ","])
    @pytest.mark.parametrize("head", HEADS)
    def test_every_row_of_a_column_is_redacted(self, delimiter: str, head: str) -> None:
        rows = [("user", head, "host"), *((f"u{number}", f"Qx7!{number:03}kk", f"SRV{number}") for number in range(60))]
        redacted = bare(scope().text("\n".join(delimiter.join(row) for row in rows)))
        assert redacted.count("\N{BLACK SQUARE}") == 60
        assert "Qx7!" not in redacted
        assert "u59" in redacted
        assert "SRV59" in redacted

    def test_a_row_of_another_shape_ends_a_table(self) -> None:
        text = "user|password\nu1|Qx7!kkab\nBuild|12.4!a|done\n"
        assert bare(scope().text(text)) == "user|password\nu1|\N{BLACK SQUARE}\nBuild|12.4!a|done\n"

    def test_a_second_table_has_its_own_head(self) -> None:
        text = "user|password\nu1|Qx7!kkab\npassword|user\nZz9!wwcd|u2\n"
        assert bare(scope().text(text)).count("\N{BLACK SQUARE}") == 2


@given(st.lists(st.sampled_from("\u200b\u200d\u00ad\ufeff\u2060"), min_size=1, max_size=6), st.integers(0, 40))
def test_letters_that_nobody_sees_hide_nothing(unseen: list[str], place: int) -> None:
    """And what is redacted is the secret with what is unseen in it, and nothing beside it."""
    text = "The password is Harbor!Pike9, as before."
    hidden = text[:place] + "".join(unseen) + text[place:]
    redacted = bare(scope().text(hidden))
    assert re.sub("[\u200b\u200d\u00ad\ufeff\u2060]", "", redacted) == "The password is \N{BLACK SQUARE}, as before."


def test_every_repetition_is_bounded_or_possessive() -> None:
    everything = {pattern for rule in RULES for pattern in patterns(rule.look)}
    assert len(everything) > len(RULES)
    endless = [each.pattern for each in everything if list(unbounded(parser.parse(each.pattern, each.flags)))]
    assert endless == []
    assert list(unbounded(parser.parse("(?:a[b]+)")))


FILLERS = [
    "a",
    " ",
    "\t",
    "\n",
    "-",
    "=",
    ":",
    '"',
    "'",
    "\\",
    "/",
    "0",
    "A1",
    "a.",
    "a:",
    "x@",
    "&a",
    ",b",
    "(",
    "{",
    "`",
    "ab ",
    "-p ",
    "é",
    ".",
]


@pytest.mark.parametrize("family", Family)
def test_no_pattern_is_slow_behind_one_anchor(family: Family) -> None:
    """100 kB of one filler behind the anchor: a nested repetition would not end."""
    started = time.process_time()
    looks = 0
    for rule in RULES:
        if rule.family is family:
            for filler in FILLERS:
                tail = (filler * (LENGTH // len(filler)))[:LENGTH]
                for anchor in rule.anchors[:3]:
                    list(rule.look(tail + anchor + tail, LENGTH))
                    looks += 1
    assert time.process_time() - started < 0.01 * looks + 1


@pytest.mark.parametrize(
    "dense",
    [
        "pass",
        "pw=",
        "password is ",
        "pw\t",
        "password -> ",
        "a|password|b\nx|Harbor!Pike9|y\n",
        "pass\u200b",
        "mysql",
        "://a:",
        "key=api",
        "密码=",
        "admin / ",
        "0-",
        "eyJ",
        "-----BEGIN ",
    ],
)
def test_a_text_of_nothing_but_anchors_takes_linear_time(dense: str) -> None:
    started = time.process_time()
    find_secrets((dense * LENGTH)[:LENGTH], Looks())
    assert time.process_time() - started < GENEROUS_SECONDS


@pytest.mark.parametrize(
    "label", ["p\u0430ssw\u043erd", "\u0420\u0430ssword", "K\u0435nnwort", "\u0391dmin p\u0430ssword"]
)
def test_a_letter_of_another_script_hides_no_label(label: str) -> None:
    assert bare(scope().text(f"{label}: Harbor!Pike9")) == f"{label}: \N{BLACK SQUARE}"


def test_words_of_another_script_are_read_as_they_are() -> None:
    for text in (
        "\u041f\u0430\u0440\u043e\u043b\u044c: Harbor!Pike9",
        "Outlook \u043f\u0430\u0440\u043e\u043b\u044c: Harbor!Pike9",
    ):
        assert "Harbor" not in scope().text(text)
    started = time.process_time()
    scope().text("a" * LENGTH + "\u0430 " + "\u0430a" * LENGTH)
    assert time.process_time() - started < GENEROUS_SECONDS


@pytest.mark.parametrize(
    "case", [case for case in cases("dev") if case.family is Family.CLOUD], ids=lambda case: case.text[:32]
)
def test_every_mark_of_an_issuer_is_known(case: Case) -> None:
    """One mark among many would not lower the share of the family enough to be seen."""
    assert is_found(case) if case.secrets else scope().text(case.text) == case.text
