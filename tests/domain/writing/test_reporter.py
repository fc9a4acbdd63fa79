"""Who reported it is named as the intake does, and nobody where it does not."""

import pytest

from consumer.domain.writing.reporter import reporter


@pytest.mark.parametrize(
    ("intake", "name"),
    [
        ("From: Dana Whitlock (manager, Kessler Rowe LLP)\nIt bounces.", "Dana Whitlock (manager, Kessler Rowe LLP)"),
        ("From: Gwen Ablett, store manager Thornbury. Hi, it fails.", "Gwen Ablett, store manager Thornbury"),
        ("Call from Sister Bernadette Owusu, night lead, 07:25. Black screens.", "Sister Bernadette Owusu, night lead"),
        ("Hello, this is Delphine Okafor from Maple Realty.", "Delphine Okafor"),
        ("Anruf Herr Wenzel Obermüller, Leitung Innere 3, 07:05 Uhr", "Herr Wenzel Obermüller, Leitung Innere 3"),
        ("Appel de M. Gaspard Lemoël, chef de quai, à 05h38.", "M. Gaspard Lemoël, chef de quai"),
        ("Call 05:12 EAT, Mr Joseph Karanja, packhouse manager: it is slow.", "Mr Joseph Karanja, packhouse manager"),
        ("Voicemail 8:09 AM, auto-transcribed: \"Hey Manny, it's Trudy over at Ocotillo Legal.\"", "Trudy"),
        ("Od: Halina Grzelak\nDo: pomoc\nNie dzia\u0142a.", "Halina Grzelak"),
        ("Caller: Luis Ferrante, head of security, 555-0142.", "Luis Ferrante, head of security"),
        ("Phone, 15:31. Fintan Hale. It is slow.", "Fintan Hale"),
        ("Anruf 7:33, Frau Zenta Moser (Anmeldung). Nichts kommt an.", "Frau Zenta Moser (Anmeldung)"),
        ("TICKET FORM\nYour name: Darlene Kopecky\nUrgency: high", "Darlene Kopecky"),
        ("It is down again.\n\nYours faithfully,\nEzekiel Barasa\nBursar", "Ezekiel Barasa"),
        ("Es geht nicht.\n\nMfG Roswitha Leitgeb", "Roswitha Leitgeb"),
        ("Ciao Giulio sono Ivana dal consorzio. Non va.", "Ivana"),
        ("[chat]\nColby (shed): it is full\nagent: since when?\nColby: last night", "Colby (shed)"),
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
