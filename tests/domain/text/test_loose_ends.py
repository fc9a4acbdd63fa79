"""What a text calls open, by kind: negation, doer, language; and what only looks like it."""

import pytest

from consumer.domain.text.loose_ends import is_answered, loose_end

OPEN = (
    "Restore not tested.",
    "selector2 not yet checked",
    "The NAS itself has not been looked at.",
    "We have not tried another start time.",
    "I haven't seen the change record.",
    "havent opened the case, dont know",
    "Did not check whether a second schedule exists.",
    "nobody has asked the vendor yet",
    "Nobody did a load test, nobody tested it.",
    "List not sent yet.",
    "The activity log has not been searched.",
    "Nobody has said whether these may go.",
    "Cause still unclear.",
    "The warranty is unconfirmed.",
    "It remains open who pressed it.",
    "The gates still to be tested.",
    "Umgekehrt von uns nicht geprüft.",
    "Ob das reicht, ist nicht geklärt.",
    "Das ist noch unbekannt.",
    "La planification n'a pas été vérifiée.",
    "Pas encore testé.",
    "Le ricevute non sono state controllate.",
    "No se ha comprobado el otro nodo.",
    "Personne n'a appelé le fournisseur.",
)
CLOSED = (
    "Device has not checked in for 30 days.",
    "Reason: 'Minimum level not met, not checked'.",
    "The port is open and answers.",
    "The update was tested and confirmed.",
    "Staff were not told of the plan.",
    "Garrowby asked for the admin PIN by mail. Not sent.",
    "Glenn wants us to delete the mailbox. Not done, evidence.",
    "Herr D. verlangt einen Neustart. Nicht erledigt.",
    "Keys do not match.",
    "Sie hat es geprüft.",
    "",
)


@pytest.mark.parametrize("text", OPEN)
def test_what_a_text_calls_open_is_given_in_its_words(text: str) -> None:
    assert loose_end(text) == text


@pytest.mark.parametrize("text", CLOSED)
def test_what_only_looks_open_is_none(text: str) -> None:
    assert loose_end(text) is None


def test_the_sentence_before_tells_what_it_is_about() -> None:
    text = "Ports are fine. The last backup finished at 02:41. Restore not tested. Disk is at 40 %."
    assert loose_end(text) == "The last backup finished at 02:41. Restore not tested."


def test_a_later_text_that_speaks_of_it_answers_it() -> None:
    text = "The theatre viewers were not checked with the new objects."
    assert is_answered(text, ["All four theatre viewers open the new objects."])
    assert not is_answered(text, ["Theatre viewers: new objects not checked."])
    assert not is_answered(text, ["The viewers on the ward are slow."])
    assert not is_answered(text, [])


def test_a_first_sentence_that_says_little_stands_with_the_next() -> None:
    assert (
        loose_end("Not sent. The PIN wipes stored sales. Lane 5 shows three.")
        == "Not sent. The PIN wipes stored sales."
    )
    assert loose_end("The new list is not tested. It is long.") == "The new list is not tested."


def test_what_is_told_as_not_changed_is_not_open() -> None:
    assert loose_end("The password was reset (not changed) by the other team.") is None
    assert loose_end("The password is not changed yet.") == "The password is not changed yet."
