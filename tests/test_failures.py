"""The catalogue of failures is complete and up to date."""

from tests.support import failures


def test_every_failure_has_a_test_and_every_mark_a_failure() -> None:
    assert failures.shown().keys() == failures.CATALOGUE.keys()


def test_the_table_is_up_to_date() -> None:
    """`python -m tests.support.failures` writes it."""
    assert failures.TABLE.read_text(encoding="utf-8") == failures.written()
