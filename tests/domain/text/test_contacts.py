"""Whom to call back and who reported a problem, by kind of spelling; what is no number and no name."""

import pytest

from consumer.domain.text.contacts import callback


@pytest.mark.parametrize(
    ("intake", "sentence"),
    [
        ("It is down. Ring me on 01632 960142, not the main line.", "Ring me on 01632 960142, not the main line."),
        ("Please call Anwen Prys on 029 2018 0455 today.", "Please call Anwen Prys on 029 2018 0455 today."),
        ("My number is 555-0173, ext 12. Bev", "My number is 555-0173, ext 12."),
        ("Best way to reach you: shout. 555-0119. Else ask Tyrell.", "shout. 555-0119. Else ask Tyrell."),
        ("Call my cell, not the office.", "Call my cell, not the office."),
        ("Ich bin bis 12.30 da. Klappe 16.", "Klappe 16."),
        ("Phone 06:32, Callum at the pier, 01632 960 871.", "Phone 06:32, Callum at the pier, 01632 960 871."),
        ("Call back on ext 4471, or bleep 209 if no answer.", "Call back on ext 4471, or bleep 209 if no answer."),
        ("Rückruf an mich: 0821 5550-134, ab 14 Uhr mobil.", "Rückruf an mich: 0821 5550-134, ab 14 Uhr mobil."),
        ("Rappel au 04 99 57 01 36, demander M. Lemoël.", "Rappel au 04 99 57 01 36, demander M. Lemoël."),
        ("Caller: Luis F., 555-0142, extension 9.", "Caller: Luis F., 555-0142, extension 9."),
        ("Tel +39 02 5550 0188", "Tel +39 02 5550 0188"),
    ],
)  # fmt: skip
def test_the_sentence_with_the_number_is_given(intake: str, sentence: str) -> None:
    assert callback(intake) == sentence


def test_where_more_is_asked_only_the_number_is_given() -> None:
    assert callback("Call me on 01632 960142. Please delete the mailbox.") == "Call me on 01632 960142."
    assert callback("Please delete the mailbox and call me on 01632 960142") == "01632 960142"
    assert callback(f"Call me on 01632 960142, {'and so on, ' * 20}") == "01632 960142"


@pytest.mark.parametrize(
    "intake",
    [
        "Since 24.11.2026 08:56 nothing works.",
        "The host 10.10.20.30 and ticket 2026-0012345 are gone.",
        "Build 15.2.1544.4 fails with 0x80070035.",
        "1 850 parcels and 2,310 dollars.",
        "",
    ],
)
def test_what_is_no_number_to_call(intake: str) -> None:
    assert callback(intake) is None


def test_a_number_of_the_writers_own_comes_before_anothers() -> None:
    another = "Murray signs, above that ring him, 021 555 0128, he is out."
    assert callback(f"{another} Call me on 07 555 0119.") == "Call me on 07 555 0119."
    assert callback(another) == another


def test_a_number_of_another_does_not_stand_without_its_sentence() -> None:
    assert callback("Tell me first. " + "It is long, " * 15 + "so ring him on 021 555 0128.") is None


def test_a_time_is_no_line_of_a_form() -> None:
    assert callback("On-call, 5:58 AM. It is slow.") is None


def test_a_number_that_is_all_a_sentence_says_is_one_to_call() -> None:
    assert callback("It is slow since ten. 505-555-0131 x6.") == "505-555-0131 x6."
