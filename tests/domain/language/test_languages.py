"""The table of each language: complete, with English's placeholders, and no surer than its statuses."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from string import Formatter
from typing import Any

import pytest

from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Counted, Domain, Language
from consumer.domain.language.languages import LANGUAGES, UnknownLanguage, language_of
from consumer.domain.reader import versions
from schemas import tenants
from schemas.packages import SectionKey
from schemas.sessions import FixStatus

OTHERS = [language for language in LANGUAGES if language is not ENGLISH]
by_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
in_others = pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.tag)
MAY_BE_EMPTY = {"asked", "domains", "sources"}
"""Fields that a language needs not fill."""
OF_LANGUAGE = {"domains", "sources"}
"""Maps whose keys each language chooses."""


def texts(language: Language) -> Iterator[tuple[str, str]]:
    """Every text of a language with its name: the field, and the key or the place in it."""
    for field in dataclasses.fields(language):
        yield from _texts(field.name, getattr(language, field.name))


def _texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _texts(f"{name}.{key}", member)
    elif isinstance(value, tuple):
        for number, member in enumerate(value):
            yield from _texts(f"{name}.{number}", member)


def missing(language: Language) -> set[str]:
    """What English says and this language does not."""
    said = {name for name, text in texts(language) if text.strip()}
    wanted = {name for name, text in texts(ENGLISH) if text.strip()}
    return {
        name for name in wanted - said if name.partition(".")[0] not in OF_LANGUAGE | {"outcome_words", "lead_words"}
    }


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@in_others
def test_nothing_is_missing(language: Language) -> None:
    assert missing(language) == set()
    assert {name for name, text in texts(language) if not text.strip()} <= MAY_BE_EMPTY


def test_what_is_missing_is_named() -> None:
    gaps = dataclasses.replace(
        GERMAN, summary=" ", advice={**GERMAN.advice, Domain.FILES: ""}, months=GERMAN.months[:-1]
    )
    assert missing(gaps) == {"summary", "advice.files", "months.11"}


@in_others
def test_every_template_has_the_placeholders_of_the_english_one(language: Language) -> None:
    english = dict(texts(ENGLISH))
    differ = {
        name: (text, english[name])
        for name, text in texts(language)
        if name in english and placeholders(text) != placeholders(english[name])
    }
    assert differ == {}


@by_language
def test_every_kind_is_covered(language: Language) -> None:
    applied = {status for status in FixStatus if status.is_applied}
    assert list(language.headings) == list(SectionKey)
    assert len({heading.casefold() for heading in language.headings.values()}) == len(SectionKey)
    assert set(language.outcome_words) == applied
    assert set(language.lead_words) == set(FixStatus)
    assert set(language.counted) == set(Counted)
    assert set(language.advice) == set(Domain)
    assert set(language.domains) <= set(Domain)
    assert len(language.months) == 12
    assert (language.asked == "") == (language is ENGLISH)


@by_language
def test_a_name_belongs_to_one_domain(language: Language) -> None:
    names = [name for line in language.domains.values() for name in line.split()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z0-9]+", name) for name in names)


def test_german_calls_nothing_solved_but_what_is_verified() -> None:
    """`behoben`, `gelöst` and `erledigt` stand in the outcome of a verified fix, and negated elsewhere."""
    solved = re.compile(r"behoben|gelöst|erledigt|funktioniert wieder", re.IGNORECASE)
    claims = {name for name, text in texts(GERMAN) if solved.search(text) and "nicht gelöst" not in text}
    assert claims == {"lead_success", "lead_words.applied_success.0"}
    assert "bestätigt" not in GERMAN.pending.replace("Bestätigung", "")


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en", ENGLISH), ("en-GB", ENGLISH), ("de", GERMAN), ("DE", GERMAN), ("de-AT", GERMAN), ("De-ch-1996", GERMAN)],
)  # fmt: skip
def test_the_primary_subtag_decides(tag: str, language: Language) -> None:
    assert language_of(tag) is language


@pytest.mark.parametrize("tag", ["fr", "", "deutsch", "d", "den", "x-de", "de_AT", "e" * 500])
def test_an_unknown_language_is_refused_with_the_known_ones(tag: str) -> None:
    with pytest.raises(UnknownLanguage, match=r"Known are: en, de\.$") as refused:
        language_of(tag)
    assert len(str(refused.value)) < 150


@by_language
def test_a_tag_is_one_subtag_and_finds_its_language(language: Language) -> None:
    assert re.fullmatch("[a-z]{2,3}", language.tag)
    assert language_of(language.tag) is language


class TestTheVersion:
    def test_of_english_is_that_of_the_release(self) -> None:
        assert versions.prompts_in(ENGLISH) == versions.PROMPTS

    @in_others
    def test_of_another_language_is_its_own(self, language: Language) -> None:
        assert versions.prompts_in(language).startswith(f"{versions.PROMPTS}-{language.tag}-")

    @pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Language)])
    def test_changes_with_everything_that_the_language_says(self, field: str) -> None:
        value: Any = getattr(GERMAN, field)
        changed = dataclasses.replace(GERMAN, **{field: _other(value)})
        assert versions.prompts_in(changed) != versions.prompts_in(GERMAN)


def _other(value: Any) -> Any:
    match value:
        case str():
            return f"{value}x"
        case tuple():
            return (*value, "x")
        case Mapping():
            return dict(list(value.items())[1:])
        case re.Pattern():
            return re.compile(f"{value.pattern}|x")
        case _:
            return dataclasses.replace(value, clock="x")


class TestNumbersAndDates:
    AT = datetime(2026, 3, 3, 9, 5, tzinfo=UTC)
    THERE = datetime(2026, 3, 3, 10, 5, tzinfo=timezone(timedelta(hours=1), "CET"))

    def test_in_english(self) -> None:
        assert ENGLISH.shown_day(self.AT) == "3 March 2026"
        assert ENGLISH.shown_moment(self.AT) == "3 March 2026 at 09:05 UTC"
        assert ENGLISH.shown_day_and_time(self.AT) == "3 March at 09:05 UTC"
        assert ENGLISH.shown_day_and_time(self.THERE) == "3 March at 10:05"

    def test_in_german(self) -> None:
        assert GERMAN.shown_day(self.AT) == "3. März 2026"
        assert GERMAN.shown_moment(self.THERE) == "3. März 2026 um 10:05 Uhr CET"
        assert GERMAN.shown_day_and_time(self.AT) == "3. März um 09:05 Uhr UTC"
        assert GERMAN.shown_day_and_time(self.THERE) == "3. März um 10:05 Uhr"

    @pytest.mark.parametrize(
        ("number", "english", "german"), [(1, "1 fix", "1 Maßnahme"), (2, "2 fixes", "2 Maßnahmen")]
    )
    def test_one_is_no_plural(self, number: int, english: str, german: str) -> None:
        assert (ENGLISH.number(number, Counted.FIX), GERMAN.number(number, Counted.FIX)) == (english, german)


def test_quotation_marks_within_a_quotation_do_not_end_it() -> None:
    assert ENGLISH.quoted('the "new" one') == "\"the 'new' one\""
    assert GERMAN.quoted('die „neue“ und "alte"') == "„die 'neue' und 'alte'“"


def test_a_policy_may_ask_for_exactly_the_languages_that_there_are() -> None:
    assert set(tenants.LANGUAGES) == {language.tag for language in LANGUAGES}
