"""Where a sentence ends: not after abbreviations, dates and days."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.text.sentences import sentences_of


@pytest.mark.parametrize(
    "text",
    [
        "Ask Dr. Wendt of the second line.",
        "Called in by D. Whitlock, ext. 4417, at night.",
        "Lo pide la Sra. Vidal, tel. 555 0101.",
        "Gemeld door mevr. De Boer.",
        "All accounts incl. Bob's are open.",
        "Der Lohnlauf ist am 15. Juni um 10:00 Uhr.",
        "Kontrolle am Di 25.11. 06:00 Uhr.",
        "It runs 2.41.7 now",
        "La tarea de RR. HH. se repite.",
        "Kamil z magazynu, wewn. 212, wie.",
        "My boss (Mnr. Hugo) says nobody.",
        "Trustee (Rev. Penhallow) by phone.",
        "Onsdag kl. 10 er det slut.",
        "Am 1. J\u00e4nner geht es los.",
        "Dann 0171 ... (Nummer nicht verstanden).",
        "",
    ],
)
def test_it_is_one_sentence_at_most(text: str) -> None:
    assert sentences_of(text) == [text][: bool(text)]


@pytest.mark.parametrize(
    "text",
    [
        "It has 2. Then it stops.",
        "It failed at step 3. Next came B.",
        "Fertig am Montag. Juni war gut.",
        'He said "none." Then he left.',
        "So please don't. My nephew said so.",
        "Press PP. Then wait.",
        "It is on. 3 users see it.",
    ],
)
def test_they_are_two(text: str) -> None:
    assert len(sentences_of(text)) == 2


@given(st.text("aB1. !?\"'(", max_size=60))
def test_nothing_is_lost(text: str) -> None:
    assert "".join(" ".join(sentences_of(text)).split()) == "".join(text.split())
