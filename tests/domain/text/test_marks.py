"""Marked lines hold both texts, whatever these are, and marking them takes a bounded time."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.text.marks import Mark, MarkedLine, compare_lines

WORDS = st.sampled_from(("the", "printer", "10.0.0.1", "C:\\temp\\x", "fails", ",", ".", "  ", "\u00e4", "<b>", "a-b-"))
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), max_size=8)


def side(lines: tuple[MarkedLine, ...], gone: Mark, other: Mark) -> list[str]:
    """The lines of one text, without those that only the other one has."""
    return [line.side(gone) for line in lines if line.change != other.value]


@given(before=LINES, after=LINES)
@settings(deadline=None)
def test_each_text_can_be_read_from_the_marks(before: list[str], after: list[str]) -> None:
    lines = compare_lines(before, after)
    assert side(lines, Mark.ADDED, Mark.ADDED) == before
    assert side(lines, Mark.REMOVED, Mark.REMOVED) == after


@given(before=LINES, after=LINES)
@settings(deadline=None)
def test_neighbouring_spans_differ_and_none_is_empty(before: list[str], after: list[str]) -> None:
    for line in compare_lines(before, after):
        marks = [span.mark for span in line.spans]
        assert all(left is not right for left, right in itertools.pairwise(marks))
        assert all(span.text for span in line.spans)


@given(text=LINES)
@settings(deadline=None)
def test_an_equal_text_has_no_mark(text: list[str]) -> None:
    assert [line.change for line in compare_lines(text, text)] == ["kept"] * len(text)


def test_a_reworded_line_is_marked_word_by_word() -> None:
    (first, second, third) = compare_lines(
        ["Mail is late.", "The server 10.0.0.1 does not answer."],
        ["Mail is late.", "The server 10.0.0.2 does not answer.", "Paper is out."],
    )
    assert [line.change for line in (first, second, third)] == ["kept", "changed", "added"]
    assert second.spans == (
        (Mark.KEPT, "The server"),
        (Mark.REMOVED, " 10.0.0.1"),
        (Mark.ADDED, " 10.0.0.2"),
        (Mark.KEPT, " does not answer."),
    )


def test_a_line_that_says_something_else_is_no_new_wording() -> None:
    lines = compare_lines(["Mail is late."], ["Paper is out everywhere today."])
    assert [line.change for line in lines] == ["removed", "added"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["x " * 15_000], ["y " + "x " * 14_000 + "z"]),
        (["x y " * 3_750], ["y y x " * 2_500]),
        (["x"] * 10_000 + ["y"], ["y"] + ["x"] * 9_000),
        (["a" + ":" * 30_000 + " "], ["a" + "-" * 30_000 + " "]),
        ([f"w{n % 90}" for n in range(7_500)], [f"w{n % 97}" for n in range(7_500)]),
    ],
    ids=["one word", "two words", "one line", "signs", "lines that come again"],
)
def test_texts_of_the_longest_package_are_compared_in_a_moment(before: list[str], after: list[str]) -> None:
    began = time.process_time()
    lines = compare_lines(before, after)
    assert time.process_time() - began < 2
    assert side(lines, Mark.ADDED, Mark.ADDED) == before
