"""What a language has to say: every word, sentence and number format that code writes into a package.

A text with values is a template for `str.format`; its placeholders have the same names in each language. A text that
takes a sentence of a record at its end does not end as one itself.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import sha256

from consumer.domain.language.spelling import Spelling
from schemas.packages import SectionKey
from schemas.sessions import FixStatus

NEVER = re.compile("(?!)")
"""Matches nothing."""


class Counted(StrEnum):
    """What the lines on omissions count."""

    FACT = "fact"
    CHECK = "check"
    SCRIPT = "script"
    FIX = "fix"


class Domain(StrEnum):
    """A problem domain for which there is advice."""

    NETWORK = "network"
    EMAIL = "email"
    PRINTING = "printing"
    IDENTITY = "identity"
    SECURITY = "security"
    FILES = "files"
    BACKUP = "backup"
    VIRTUAL = "virtual"
    DEVICE = "device"
    APPLICATION = "application"
    TELEPHONY = "telephony"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """A language of packages. Every field has to be given: a text that is missing is an error of types.

    Each language is one object, so that bundles stay comparable and cheap to hash.
    """

    tag: str
    """BCP 47, as events carry it."""
    name: str
    """In English, for the model."""
    asked: str
    """What the prompt asks beyond its instructions, which are English: a sentence for the task, or empty."""
    small_words: str
    """Words by which a text of some length shows that it is in this language."""

    headings: Mapping[SectionKey, str]
    """In the order of the sections."""
    no_problem: str
    nothing_confirmed: str
    nothing_tried: str
    no_hypothesis: str
    title: str
    """Of a note."""
    untitled: str
    """The title of a note about a session that has none."""

    quotes: tuple[str, str]
    """Opening and closing quotation marks."""
    inner_quotes: str
    """Characters that stand as an apostrophe within them."""
    unreadable: str
    """In place of a text without a visible character."""
    unknown_template: str
    orders_left_out: str
    """In place of a text that speaks to whoever processes it."""

    fix_line: str
    """A fix in the list of what was tried."""
    superseded: str
    what_it_is: str
    """Description of a fix that is in place."""
    what_it_was: str
    failed: str
    failed_reason: str
    failed_no_reason: str
    failed_partly: str
    partial: str
    partial_notes: str
    partial_no_notes: str
    pending: str
    pending_notes: str
    success: str
    escalated_otherwise: str
    outcome_words: Mapping[FixStatus, tuple[str, ...]]
    """Words that the list of what was tried must say of a fix, by its outcome."""

    lead_proposed: str
    lead_failed: str
    lead_failed_no_reason: str
    lead_partial: str
    lead_partial_notes: str
    lead_pending: str
    lead_success: str
    lead_dismissed: str
    lead_dismissed_no_reason: str
    lead_words: Mapping[FixStatus, tuple[str, ...]]
    """Words that the hypothesis must say of the active fix, by its outcome."""
    not_recorded: str
    """What is awaited, where no word is left of it."""
    waiting_for: str
    """Before a plain noun."""
    waiting_for_words: str
    """Before the record's own words."""
    waiting: re.Pattern[str]
    """How what is awaited often begins, though the sentence of code says it already."""
    plain_noun: re.Pattern[str]
    """How a plain noun begins."""

    try_it: str
    other_path: str
    other_path_no_reason: str
    complete: str
    complete_no_notes: str
    confirm: str

    reported: str
    summary: str
    first_fact: str
    filed_under: str
    escalated_because: str
    intake_said: str
    intake_also_said: str
    intake_bounds: str
    intake_began: str
    reported_by: str
    call_back: str

    proposes: str
    read_next_first: str
    take_up_reason: str
    confirm_earlier: str
    complete_superseded: str
    complete_superseded_notes: str
    what_remains: str
    other_way: str
    from_facts: str
    test_premise: str
    test_premise_proposed: str
    ask_reporter: str
    settle_open: str
    was_script_run: str
    keep_informed: str
    keep_informed_at: str
    first_check: str
    not_again: str
    more_failed: str
    reproduce: str
    record_findings: str
    advice: Mapping[Domain, str]
    domains: Mapping[Domain, str]
    """Names of the domains in this language, beside the English ones: each as a whole, in small ASCII letters."""

    sources: Mapping[str, str]
    """Known kinds of sources in words; any other kind stands as it was recorded."""
    recorded: str
    """The source of a fact whose kind has no visible name."""
    asked_beside_report: str
    """Of a text that reports something and asks something."""
    asked_only: str
    quoted_fact: str
    recorded_times: str
    recorded_times_last: str
    recorded_at: str
    recorded_on: str
    months: tuple[str, ...]
    day: str
    moment: str
    day_and_time: str
    """Of a session whose local time is known."""
    day_and_time_utc: str

    check: str
    check_of: str
    """With its source."""
    script: str
    script_with: str
    note: str
    script_unread: str
    left_out: str
    shortened: str
    joined: str
    """Between the parts of an enumeration."""
    counted: Mapping[Counted, tuple[str, str]]
    """One of them, and several."""

    over: re.Pattern[str]
    """A whole sentence that says nothing but that the case is over; beside the English one."""
    to_fill_in: re.Pattern[str]
    """What is left to be filled in; beside the English words for it."""
    of_itself: re.Pattern[str]
    """What a model says of itself; beside the English words for it."""
    spelling: Spelling | None
    """None where it is that of the records' names and numbers as they are looked up."""

    @property
    def digest(self) -> str:
        """Identifies all that this language says."""
        return _digest(self)

    @property
    def words(self) -> frozenset[str]:
        return _words(self.small_words)

    def quoted(self, line: str) -> str:
        """A cleaned line in quotation marks."""
        before, after = self.quotes
        return before + line.translate(str.maketrans(self.inner_quotes, "'" * len(self.inner_quotes))) + after

    def number(self, number: int, counted: Counted) -> str:
        """How many of a kind there are, in words."""
        singular, plural = self.counted[counted]
        return (singular if number == 1 else plural).format(number=number)

    def shown_day(self, at: datetime) -> str:
        return self.day.format(day=at.day, month=self.months[at.month - 1], year=at.year)

    def shown_moment(self, at: datetime) -> str:
        """A day with its time: local where the session's local time is known."""
        return self.moment.format(day=self.shown_day(at), time=f"{at:%H:%M}", zone=at.tzname() or "UTC")

    def shown_day_and_time(self, at: datetime) -> str:
        """The same without a year, for records of a few days."""
        template = self.day_and_time if at.utcoffset() else self.day_and_time_utc
        return template.format(day=at.day, month=self.months[at.month - 1], time=f"{at:%H:%M}")

    def enumerated(self, parts: Iterable[str]) -> str:
        return self.joined.join(parts)


def _plain(value: object) -> object:
    """A value of a field as JSON has it."""
    match value:
        case re.Pattern():
            return [value.pattern, int(value.flags)]
        case Mapping():
            return {str(key): _plain(member) for key, member in value.items()}
        case tuple():
            return [_plain(member) for member in value]
        case Spelling():
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


@cache
def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


@cache
def _digest(language: Language) -> str:
    said = {field.name: _plain(getattr(language, field.name)) for field in fields(language)}
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]
