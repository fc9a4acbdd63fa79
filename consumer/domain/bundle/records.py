"""The records of a bundle. They have short ids of their own and hold no id that another system gave them.

Every class of record has three methods: `texts` yields each text in a fixed order ("" for a missing one), `rewritten`
passes each through a function, `document` gives the record as JSON, in which a missing value has no field.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from pydantic import JsonValue

from consumer.domain.session.fixes import OutcomeText
from schemas.sessions import DIAGNOSTIC_CHECK, FixStatus
from schemas.tickets import PsaTicket

UNTITLED = "(untitled)"

Rewrite = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRecord:
    """A live fact. A check that was run is a fact, too."""

    id: str
    """F1, F2, …, oldest first."""
    text: str
    source_type: str
    source_summary: str | None = None
    recorded_at: datetime | None = None
    """In the session's local time, as all times of records."""

    @property
    def is_check(self) -> bool:
        return self.source_type == DIAGNOSTIC_CHECK

    def texts(self) -> Iterator[str]:
        yield from (self.text, self.source_type, self.source_summary or "")

    def rewritten(self, rewrite: Rewrite) -> Self:
        return replace(
            self,
            text=rewrite(self.text),
            source_type=rewrite(self.source_type),
            source_summary=_optional(self.source_summary, rewrite),
        )

    def document(self) -> dict[str, JsonValue]:
        return {"id": self.id, "text": self.text, "source_type": self.source_type} | _without_missing(
            source_summary=self.source_summary, recorded_at=_written(self.recorded_at)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A named value that a script was given; any JSON value."""

    name: str
    value: JsonValue

    @property
    def text(self) -> str:
        """The value for people: a text unchanged, any other value as compact JSON."""
        return self.value if isinstance(self.value, str) else compact(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRecord:
    """A generated script."""

    id: str
    """S1, S2, …, oldest first."""
    name: str
    """The name of the template; without one, the language's words for that."""
    slug: str | None = None
    parameters: tuple[Parameter, ...] = ()
    """Sorted by name."""
    generated_at: datetime | None = None

    def texts(self) -> Iterator[str]:
        yield from (self.name, self.slug or "")
        for parameter in self.parameters:
            yield parameter.name
            yield from _strings(parameter.value)

    def rewritten(self, rewrite: Rewrite) -> Self:
        return replace(
            self,
            name=rewrite(self.name),
            slug=_optional(self.slug, rewrite),
            parameters=tuple(
                Parameter(name=rewrite(parameter.name), value=_rewritten(parameter.value, rewrite))
                for parameter in self.parameters
            ),
        )

    def document(self) -> dict[str, JsonValue]:
        # No map: two names can become equal when placeholders replace the secrets in them.
        pairs: list[JsonValue] = [{"name": parameter.name, "value": parameter.value} for parameter in self.parameters]
        return {"id": self.id, "template": self.name} | _without_missing(
            slug=self.slug, parameters=pairs or None, generated_at=_written(self.generated_at)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FixRecord:
    """A fix with its outcome: the active fix, or another fix that was applied."""

    id: str
    """X1, X2, …, in the order of their newest suggestions."""
    active: bool
    title: str
    confidence_pct: int
    status: FixStatus
    superseded: bool = False
    description: str | None = None
    """Missing for a fix without one."""
    applied_at: datetime | None = None
    """Present with an `applied_*` status."""
    verified_at: datetime | None = None
    """Present with a verdict."""
    partial_notes: str | None = None
    """This text and the next two: present only where they describe the present status (`fixes.RELEVANT`)."""
    pending_reason: str | None = None
    failure_reason: str | None = None
    earlier_texts: tuple[tuple[OutcomeText, str], ...] = ()
    """Texts that are left from an earlier status. They must not be shown as if they held now."""

    def texts(self) -> Iterator[str]:
        yield from (self.title, self.description or "")
        yield from (self.partial_notes or "", self.pending_reason or "", self.failure_reason or "")
        yield from (text for _, text in self.earlier_texts)

    def rewritten(self, rewrite: Rewrite) -> Self:
        return replace(
            self,
            title=rewrite(self.title),
            description=_optional(self.description, rewrite),
            partial_notes=_optional(self.partial_notes, rewrite),
            pending_reason=_optional(self.pending_reason, rewrite),
            failure_reason=_optional(self.failure_reason, rewrite),
            earlier_texts=tuple((name, rewrite(text)) for name, text in self.earlier_texts),
        )

    def without_texts(self) -> Self:
        """The fix without its description and the texts of its outcome."""
        return replace(
            self, description=None, partial_notes=None, pending_reason=None, failure_reason=None, earlier_texts=()
        )

    def document(self) -> dict[str, JsonValue]:
        fields: dict[str, JsonValue] = {
            "id": self.id,
            "active": self.active,
            "title": self.title,
            "description": self.description,
            "confidence_pct": self.confidence_pct,
            "status": self.status.value,
            "superseded": self.superseded or None,
            "applied_at": _written(self.applied_at),
            "verified_at": _written(self.verified_at),
            "partial_notes": self.partial_notes,
            "pending_reason": self.pending_reason,
            "failure_reason": self.failure_reason,
        }
        fields.update((f"earlier_{name.value}", text) for name, text in self.earlier_texts)
        return _without_missing(**fields)


CheckOrScript = FactRecord | ScriptRecord
"""A step that is no fix: a check that was run, or a script that was generated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything that a package may say. A blank text is None. All texts are untrusted, and free of secrets."""

    title: str | None = None
    """May be missing; `shown_title` never is."""
    problem_summary: str | None = None
    problem_domain: str | None = None
    intake_text: str | None = None
    psa_ticket: PsaTicket | None = None
    reason: str | None = None
    """Why the session is escalated, in the requester's words."""
    facts: tuple[FactRecord, ...] = ()
    """Every live fact, checks included, oldest first."""
    steps: tuple[CheckOrScript, ...] = ()
    """The checks (the same records as in `facts`) and the scripts, oldest first."""
    fixes: tuple[FixRecord, ...] = ()
    """The active fix and every other applied fix, in the order of their newest suggestions."""

    @property
    def shown_title(self) -> str:
        return self.title or UNTITLED

    @property
    def is_described(self) -> bool:
        """Whether any text or fact says what the problem is."""
        texts = (self.title, self.problem_summary, self.problem_domain, self.intake_text, self.reason)
        return any(texts) or bool(self.facts)

    @property
    def active_fix(self) -> FixRecord | None:
        return next((fix for fix in self.fixes if fix.active), None)

    @property
    def applied_fixes(self) -> tuple[FixRecord, ...]:
        """The fixes of "What we've tried": active or not, superseded or not."""
        return tuple(fix for fix in self.fixes if fix.status.is_applied)

    @property
    def scripts(self) -> tuple[ScriptRecord, ...]:
        return tuple(step for step in self.steps if isinstance(step, ScriptRecord))

    @property
    def times(self) -> tuple[datetime, ...]:
        """When facts were recorded, scripts generated, fixes applied and verified."""
        times = (
            *(fact.recorded_at for fact in self.facts),
            *(script.generated_at for script in self.scripts),
            *(at for fix in self.fixes for at in (fix.applied_at, fix.verified_at)),
        )
        return tuple(at for at in times if at is not None)

    def ids(self) -> frozenset[str]:
        """The ids of all facts, scripts and fixes."""
        return frozenset(record.id for record in (*self.facts, *self.steps, *self.fixes))


def records_document(records: Records) -> dict[str, JsonValue]:
    """The records as JSON, in reading order. A missing value has no field.

    A check among the steps is given by its id alone, because its text stands among the facts.
    """
    ticket = records.psa_ticket.model_dump(exclude_none=True) if records.psa_ticket else None
    return (
        {"title": records.shown_title}
        | _without_missing(
            problem_summary=records.problem_summary,
            problem_domain=records.problem_domain,
            intake_text=records.intake_text,
            psa_ticket=ticket,
            reason=records.reason,
        )
        | {
            "facts": [fact.document() for fact in records.facts],
            "checks_and_scripts": [
                step.document() if isinstance(step, ScriptRecord) else {"id": step.id} for step in records.steps
            ],
            "fixes": [fix.document() for fix in records.fixes],
        }
    )


def rewritten(records: Records, rewrite: Rewrite) -> Records:
    """The records with every text passed through `rewrite`, except the ticket's."""
    return replace(
        records,
        title=_optional(records.title, rewrite),
        problem_summary=_optional(records.problem_summary, rewrite),
        problem_domain=_optional(records.problem_domain, rewrite),
        intake_text=_optional(records.intake_text, rewrite),
        reason=_optional(records.reason, rewrite),
        facts=tuple(fact.rewritten(rewrite) for fact in records.facts),
        steps=tuple(step.rewritten(rewrite) for step in records.steps),
        fixes=tuple(fix.rewritten(rewrite) for fix in records.fixes),
    )


def compact(value: JsonValue | Mapping[str, JsonValue]) -> str:
    """The canonical JSON of a value: names sorted, no spaces, no needless escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _without_missing(**fields: JsonValue) -> dict[str, JsonValue]:
    return {name: value for name, value in fields.items() if value is not None}


def _optional(text: str | None, rewrite: Rewrite) -> str | None:
    return None if text is None else rewrite(text)


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _strings(value: JsonValue) -> Iterator[str]:
    """Every text in a JSON value, names included, in the order of the sorted names; intake bounds the depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name in sorted(value):
            yield name
            yield from _strings(value[name])


def _rewritten(value: JsonValue, rewrite: Rewrite) -> JsonValue:
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, list):
        return [_rewritten(item, rewrite) for item in value]
    if isinstance(value, dict):
        return {rewrite(name): _rewritten(item, rewrite) for name, item in value.items()}
    return value
