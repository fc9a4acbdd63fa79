"""Whom to call back and who reported a problem, by kind of spelling; what is no number and no name."""

import pytest

from consumer.domain.text.contacts import callback, reporter


@pytest.mark.parametrize(
    ("intake", "sentence"),
    [
        ("It is down. Ring me on 01632 960142, not the main line.", "Ring me on 01632 960142, not the main line."),
        ("Please call Anwen Prys on 029 2018 0455 today.", "Please call Anwen Prys on 029 2018 0455 today."),
        ("My number is 555-0173, ext 12. Bev", "My number is 555-0173, ext 12."),
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


@pytest.mark.parametrize(
    ("intake", "name"),
    [
        ("From: Dana Whitlock (manager, Kessler Rowe LLP)\nIt bounces.", "Dana Whitlock (manager, Kessler Rowe LLP)"),
        ("From: Gwen Ablett, store manager Thornbury. Hi, it fails.", "Gwen Ablett, store manager Thornbury"),
        ("Call from Sister Bernadette Owusu, night lead, 07:25. Black screens.", "Sister Bernadette Owusu, night lead"),
        ("Hello, this is Delphine Okafor from Maple Realty.", "Delphine Okafor"),
        ("Anruf Herr Wenzel Obermüller, Leitung Innere 3, 07:05 Uhr", "Herr Wenzel Obermüller, Leitung Innere 3"),
        ("Appel de M. Gaspard Lemoël, chef de quai, à 05h38.", "M. Gaspard Lemoël, chef de quai"),
        ("Caller: Luis Ferrante, head of security, 555-0142.", "Luis Ferrante, head of security"),
        ("Hi there this is Lorraine, I'm the clerk over at the water district.", "Lorraine"),
        ("Tach, Kortl\u00fcke hier. Seit heute geht nichts.", "Kortl\u00fcke"),
        ("Buenos d\u00edas, soy Chelo, de administraci\u00f3n. No sale.", "Chelo, de administraci\u00f3n"),
        ("Salve, sono Paola Neri della contabilit\u00e0. Da ieri.", "Paola Neri"),
        ("Bonjour, ici Mme Roche, pharmacie. Depuis hier.", "Mme Roche, pharmacie"),
        ("Phone 06:32, Callum Strachan, terminal supervisor, 01632 960 871.", "Callum Strachan, terminal supervisor"),
    ],
)  # fmt: skip
def test_the_reporter_is_named_as_the_intake_does(intake: str, name: str) -> None:
    assert reporter(intake) == name


@pytest.mark.parametrize(
    "intake",
    [
        "The mail from OUR account is wrong.",
        "this is Ortega's assistant",
        "It is down.",
        "from: 0821 5550 134",
        "I know it's Rosa who did it.",
        "Mail from Monday: it bounced.",
        "Hallo, hier ist Outlook tot.",
        "",
    ],
)
def test_what_is_no_name(intake: str) -> None:
    assert reporter(intake) is None
