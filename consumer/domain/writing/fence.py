"""The records as fenced data for a model: one JSON object a line, between two lines that hold a random boundary.

The drafter and the second reader get the same lines. A text that holds the boundary, or looks like a boundary line, is
changed at that place and nowhere else.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

from pydantic import JsonValue

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import Records, compact, records_document
from consumer.domain.language.language import Language
from consumer.domain.writing import outcome_table

DESCRIPTION = "P1"
"""The id of the session's description."""
REASON = "R1"
"""The id of the escalation's reason."""
LEAD = "code_writes_before_the_hypothesis"
"""The field of the line that holds the sentence that code puts before the hypothesis; it is no record."""
_TAG = "session-records"
_TIMES = ("recorded_at", "generated_at", "applied_at", "verified_at")
_TAG_IN_DATA = re.compile(rf"<(?=\s*/?\s*{_TAG})", re.IGNORECASE)
_OPENING = re.compile(rf"<{_TAG} ([^\s>]+)>\n")


def ids(bundle: Bundle) -> frozenset[str]:
    """Every id that a statement about the bundle can cite."""
    return bundle.records.ids() | {DESCRIPTION} | ({REASON} if bundle.records.reason else frozenset())


def fenced(bundle: Bundle, boundary: str) -> Iterator[str]:
    """The lines, from boundary line to boundary line. `boundary`: letters and digits, new for every call."""
    yield f"<{_TAG} {boundary}>"
    for record in _records(bundle.excerpt, bundle.language):
        yield guarded(compact(record), boundary)
    yield f"</{_TAG} {boundary}>"


def guarded(line: str, boundary: str) -> str:
    """The line, unable to end the fence."""
    return _TAG_IN_DATA.sub("\u2039", line.replace(boundary, "[boundary]"))


def without_boundary(turn: str) -> str:
    """The turn without its boundary: equal records give equal text."""
    opening = _OPENING.match(turn)
    return turn if opening is None else turn.replace(opening[1], "")


def shown_time(at: datetime) -> str:
    """A time as the models read it, and may write it."""
    return f"{at:%a %Y-%m-%d %H:%M} {at.tzname() or 'UTC'}"


def _records(records: Records, language: Language) -> Iterator[dict[str, JsonValue]]:
    """One JSON object for each record: description, reason, facts, scripts, fixes; last, the lead of the hypothesis."""
    described = records_document(replace(records, facts=(), steps=(), fixes=(), reason=None, psa_ticket=None))
    head: dict[str, JsonValue] = {"id": DESCRIPTION}
    yield head | {name: value for name, value in described.items() if not isinstance(value, list)}
    if records.reason:
        yield {"id": REASON, "escalation_reason": records.reason}
    documents = chain.from_iterable(
        (record.document() for record in kind) for kind in (records.facts, records.scripts, records.fixes)
    )
    for document in documents:
        yield {name: _timed(name, value) for name, value in document.items()}
    if (fix := records.active_fix) is not None and outcome_table.leads(fix):
        yield {LEAD: outcome_table.lead(fix, language)}


def _timed(name: str, value: JsonValue) -> JsonValue:
    return shown_time(datetime.fromisoformat(value)) if name in _TIMES and isinstance(value, str) else value
