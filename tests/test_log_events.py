"""The names of log lines are a closed set, each line is a constant sentence, and the page of them is up to date."""

from consumer.log_events import LIBRARY, LOG_EVENTS
from tests.support.log_lines import PAGE, all_lines, lines_of, page


def test_every_line_has_a_name_of_the_set_and_every_name_a_line() -> None:
    names = {line.event for line in all_lines()}
    assert len(names) > 50, "the walk sees something"
    missing, unused = sorted(names - LOG_EVENTS.keys()), sorted(LOG_EVENTS.keys() - names - {LIBRARY})
    assert missing == [], "each needs an entry in consumer/log_events.py: the name, and what to do"
    assert unused == [], "nobody logs these"


def test_every_line_is_a_constant_sentence() -> None:
    assert [line for line in all_lines() if not line.message.endswith(".")] == []


def test_a_warning_and_an_error_say_what_to_do_or_need_nothing() -> None:
    errors = {line.event for line in all_lines() if line.level == "error"}
    assert [event for event in sorted(errors) if not LOG_EVENTS[event]] == []


def test_a_line_without_a_name_or_a_constant_is_seen() -> None:
    assert [line.event for line in lines_of('log.info("So.")')] == ["?"]
    assert [line.message for line in lines_of('log.error(f"So {it} is.", event_name="so")')] == ["?"]


def test_the_page_of_all_lines_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.support.log_lines`"
