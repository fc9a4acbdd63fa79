"""What a bundle is made of: records with short ids of their own, free of the ids that other systems gave them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from pydantic import JsonValue

from consumer.domain.session.fixes import OutcomeText
from schemas.sessions import DIAGNOSTIC_CHECK, FixStatus, PsaTicket

UNTITLED = "(untitled)"
UNKNOWN_TEMPLATE = "(unknown template)"

_WORD = re.compile(r"\w+")

Rewrite = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRecord:
    """A live fact; some facts are checks that were run."""

    id: str
    """F1, F2, …, oldest first."""
    text: str
    source_type: str
    source_summary: str | None = None

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
        return {"id": self.id, "text": self.text, "source_type": self.source_type} | _given(
            source_summary=self.source_summary
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What a script was given under a name; any JSON value."""

    name: str
    value: JsonValue

    @property
    def text(self) -> str:
        """The value for people: a text as it is, anything else as compact JSON."""
        return self.value if isinstance(self.value, str) else compact(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRecord:
    """A script that was generated."""

    id: str
    """S1, S2, …, oldest first."""
    name: str
    """The template's; `(unknown template)` when it is gone."""
    slug: str | None = None
    parameters: tuple[Parameter, ...] = ()
    """By name."""

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
        # A list, not a map: two names may read alike once secrets in them are placeholders.
        parameters: list[JsonValue] = [{"name": each.name, "value": each.value} for each in self.parameters]
        return {"id": self.id, "template": self.name} | _given(slug=self.slug) | {"parameters": parameters}


@dataclass(frozen=True, slots=True, kw_only=True)
class FixRecord:
    """A fix with what became of it: the active one, or another one that was applied."""

    id: str
    """X1, X2, …, in the order of their newest suggestions."""
    active: bool
    title: str
    confidence_pct: int
    status: FixStatus
    superseded: bool = False
    description: str | None = None
    """Of the active fix only."""
    applied_at: datetime | None = None
    """With an `applied_*` status."""
    verified_at: datetime | None = None
    """With a verdict."""
    partial_notes: str | None = None
    """As the other two: only where it speaks of the present status (`fixes.RELEVANT`)."""
    pending_reason: str | None = None
    failure_reason: str | None = None
    earlier_texts: tuple[tuple[OutcomeText, str], ...] = ()
    """What the record still holds of an earlier status: not to be told as if it held now."""

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
        """The outcome alone."""
        return replace(
            self, description=None, partial_notes=None, pending_reason=None, failure_reason=None, earlier_texts=()
        )

    def document(self) -> dict[str, JsonValue]:
        told: dict[str, JsonValue] = {
            "id": self.id,
            "active": self.active,
            "title": self.title,
            "description": self.description,
            "confidence_pct": self.confidence_pct,
            "status": self.status.value,
            "superseded": self.superseded,
            "applied_at": _written(self.applied_at),
            "verified_at": _written(self.verified_at),
            "partial_notes": self.partial_notes,
            "pending_reason": self.pending_reason,
            "failure_reason": self.failure_reason,
        }
        told.update((f"earlier_{name.value}", text) for name, text in self.earlier_texts)
        return _given(**told)


CheckOrScript = FactRecord | ScriptRecord
"""What was done besides applying fixes: a check that was run, or a script that was generated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All that a package may say. Blank texts are missing ones; all texts are untrusted, and free of secrets."""

    title: str | None = None
    """See `shown_title`."""
    problem_summary: str | None = None
    problem_domain: str | None = None
    intake_text: str | None = None
    psa_ticket: PsaTicket | None = None
    reason: str | None = None
    """Why it is escalated, in the requester's words."""
    facts: tuple[FactRecord, ...] = ()
    """Every live fact, oldest first; the checks among them too."""
    steps: tuple[CheckOrScript, ...] = ()
    """The checks (the same records as in `facts`) and the scripts, oldest first."""
    fixes: tuple[FixRecord, ...] = ()
    """The active fix and the others that were applied, in the order of their newest suggestions."""

    @property
    def shown_title(self) -> str:
        return self.title or UNTITLED

    @property
    def is_described(self) -> bool:
        """Whether anything at all says what the problem is."""
        texts = (self.title, self.problem_summary, self.problem_domain, self.intake_text, self.reason)
        return any(texts) or bool(self.facts)

    @property
    def active_fix(self) -> FixRecord | None:
        return next((fix for fix in self.fixes if fix.active), None)

    @property
    def applied_fixes(self) -> tuple[FixRecord, ...]:
        """Those that stand in what was tried: active or not, superseded or not."""
        return tuple(fix for fix in self.fixes if fix.status.is_applied)

    @property
    def scripts(self) -> tuple[ScriptRecord, ...]:
        return tuple(step for step in self.steps if isinstance(step, ScriptRecord))

    @property
    def unread_scripts(self) -> tuple[ScriptRecord, ...]:
        """Those that no later check names as its source, oldest first: whether they ran is not recorded."""
        unread: list[ScriptRecord] = []
        sources = "\n"
        for step in reversed(self.steps):
            if isinstance(step, FactRecord):
                sources += f"{_words(step.source_summary or '')}\n"
            elif not any(name and _words(name) in sources for name in (step.name, step.slug)):
                unread.append(step)
        return tuple(reversed(unread))

    def ids(self) -> frozenset[str]:
        """The ids that a statement can rest on."""
        return frozenset(record.id for record in (*self.facts, *self.steps, *self.fixes))


def records_document(records: Records) -> dict[str, JsonValue]:
    """The records as JSON, in the order in which they are read. What is missing has no field.

    A check among the steps is named by its id alone: its text stands among the facts.
    """
    ticket = records.psa_ticket.model_dump(exclude_none=True) if records.psa_ticket else None
    return (
        {"title": records.shown_title}
        | _given(
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
    """The records with every text but the ticket's passed through `rewrite`."""
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
    """JSON without any freedom left: names sorted, no space, nothing escaped that need not be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _given(**fields: JsonValue) -> dict[str, JsonValue]:
    return {name: value for name, value in fields.items() if value is not None}


def _optional(text: str | None, rewrite: Rewrite) -> str | None:
    return None if text is None else rewrite(text)


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


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
