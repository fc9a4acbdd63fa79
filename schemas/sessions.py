"""`session-state-changed`: what can happen to a troubleshooting session, one model a type.

Acceptance never depends on the session's state: an event that names a fact or fix nobody knows is accepted.
"""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, FailFast, WithJsonSchema, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from schemas.envelope import Received
from schemas.fields import Flag, Id, Instant, Json, JsonObject, NumberOrText, OptionalText, Percent, Text
from schemas.tickets import PsaTicket

DIAGNOSTIC_CHECK = "diagnostic_check"
"""The one `source_type` with a meaning: a check that was run. The vocabulary is open."""


class FixStatus(StrEnum):
    """What became of a suggested fix."""

    PROPOSED = "proposed"
    """Suggested, not applied; set by `session.fix_suggested.v1` only."""
    APPLIED_SUCCESS = "applied_success"
    """Applied and verified: it solved the symptom. A verdict."""
    APPLIED_FAILED = "applied_failed"
    """Applied and verified: it did not. A verdict."""
    APPLIED_PARTIAL = "applied_partial"
    """Applied in part, or with a part of the effect; not final."""
    APPLIED_PENDING = "applied_pending"
    """Applied and not yet verifiable; what is awaited stands in `pending_reason`. Not final."""
    DISMISSED = "dismissed"
    """Set aside without being applied."""

    @property
    def is_applied(self) -> bool:
        return self in _APPLIED

    @property
    def is_verdict(self) -> bool:
        return self in _VERDICTS


_APPLIED = frozenset(
    {FixStatus.APPLIED_SUCCESS, FixStatus.APPLIED_FAILED, FixStatus.APPLIED_PARTIAL, FixStatus.APPLIED_PENDING}
)
_VERDICTS = frozenset({FixStatus.APPLIED_SUCCESS, FixStatus.APPLIED_FAILED})


_RECORDED = [str(status) for status in FixStatus if status is not FixStatus.PROPOSED]

_PENDING_RULE: JsonDict = {
    "if": {"properties": {"status": {"const": "applied_pending"}}, "required": ["status"]},
    "then": {"properties": {"pending_reason": {"type": "string", "pattern": r"\S"}}, "required": ["pending_reason"]},
}
"""`_check_pending`, as JSON Schema says it."""


def _when_null(default: Any) -> BeforeValidator:
    """A null counts as absent."""

    def fill(value: Any) -> Any:
        return default if value is None else value

    return BeforeValidator(fill)


def _check_pending(status: FixStatus, pending_reason: str | None) -> None:
    if status is FixStatus.APPLIED_PENDING and not (pending_reason and pending_reason.strip()):
        raise PydanticCustomError(
            "pending_reason_required", "pending_reason: applied_pending needs what is being waited on"
        )


class Description(Received):
    """What a session is about: the five fields that open it and can be described anew."""

    title: OptionalText = None
    """A short title."""
    problem_summary: OptionalText = None
    """The problem in a sentence or two."""
    problem_domain: OptionalText = None
    """The field it belongs to, such as `networking`."""
    intake_text: OptionalText = None
    """What the customer wrote."""
    psa_ticket: PsaTicket | None = None
    """The ticket that the session works on."""


class SessionOpened(Description):
    """`session.opened.v1`: sets all five fields; absent means null."""


class SessionDescribed(Description):
    """`session.described.v1`: a field that is present replaces, null clears, an absent one stays."""


class FactRecorded(Received):
    """`session.fact_recorded.v1`: recorded again, a fact is replaced in its place and live again."""

    fact_id: Id
    """The fact's id in this session."""
    text: Text
    """What was found."""
    source_type: Text
    """Where it comes from; `diagnostic_check` is a check that was run. An open vocabulary."""
    source_summary: OptionalText = None
    """More on the source."""


class FactRevised(Received):
    """`session.fact_revised.v1`: a field that is present replaces; `source_summary: null` clears it."""

    fact_id: Id
    """The fact to revise."""
    text: Text = ""
    """The new text, when present; not null."""
    source_type: Text = ""
    """The new source type, when present; not null."""
    source_summary: OptionalText = None
    """The new source summary, when present; null clears."""


class FactRetracted(Received):
    """`session.fact_retracted.v1`: the fact is no longer live."""

    fact_id: Id
    """The fact to retract."""


class FixSuggested(Received):
    """`session.fix_suggested.v1`: suggested again, a fix starts over as `proposed` and is the most recent."""

    fix_id: Id
    """The fix's id in this session."""
    title: Text
    """What to do, in a few words."""
    description: Text
    """What to do and why."""
    confidence_pct: Percent
    """How sure the suggestion is, 0 to 100; a fraction is rounded half up."""


class FixSuperseded(Received):
    """`session.fix_superseded.v1`: another fix takes its place; its outcome stays on record."""

    fix_id: Id
    """The fix that is superseded."""


class Outcome(Received):
    """What an outcome says besides its status. A text that is absent stays, a present one replaces, null clears."""

    pending_reason: OptionalText = None
    """What is being waited on; required and not blank with `applied_pending`."""
    partial_notes: OptionalText = None
    """What was done and what is left."""
    failure_reason: OptionalText = None
    """Why it did not hold."""
    applied_at: Instant | None = None
    """When it was applied; else the time of the first `applied_*` outcome."""
    verified_at: Instant | None = None
    """When it was verified; taken with the two verdicts only."""


class FixOutcomeRecorded(Outcome):
    """`session.fix_outcome_recorded.v1`: what became of a fix."""

    model_config = ConfigDict(json_schema_extra=_PENDING_RULE)

    fix_id: Id
    """The fix in question."""
    status: Annotated[FixStatus, WithJsonSchema({"type": "string", "enum": _RECORDED})]
    """Any status except `proposed`."""

    @model_validator(mode="after")
    def _legal(self) -> Self:
        if self.status is FixStatus.PROPOSED:
            raise PydanticCustomError("status_proposed", "status: proposed is set by session.fix_suggested.v1 only")
        _check_pending(self.status, self.pending_reason)
        return self


class Template(Received):
    """The template that a script was generated from."""

    template_id: NumberOrText | None = None
    """The template's id."""
    name: Text
    """The template's name."""
    slug: OptionalText = None
    """The template's short name."""
    parameters_schema: Json = None
    """`{"parameters": [{"key" or "variable_name", "field_type", "sensitive"}, …]}`; marks the secret parameters."""


class ScriptGenerated(Received):
    """`session.script_generated.v1`: the same `generation_id` again replaces the script in its place."""

    generation_id: Id
    """The script's id in this session."""
    template: Template | None = None
    """Null when the template is gone."""
    parameters_used: JsonObject
    """The parameters by name; secret ones are replaced before anything is stored."""


class SessionClosed(Received):
    """`session.closed.v1`."""

    resolution: OptionalText = None
    """How it ended, in the producer's words."""


class SessionReopened(Received):
    """`session.reopened.v1`: no data."""


class SessionErased(Received):
    """`session.erased.v1`: every stored trace of the session's content is deleted. Final."""


class SnapshotFact(FactRecorded):
    """A fact as a row."""

    recorded_at: Instant | None = None
    """Orders checks among scripts."""


class SnapshotFix(Outcome):
    """A fix as a row."""

    model_config = ConfigDict(json_schema_extra=_PENDING_RULE)

    fix_id: Id
    """The fix's id in this session."""
    title: Text
    """What to do, in a few words."""
    description: Text
    """What to do and why."""
    confidence_pct: Percent
    """How sure the suggestion is, 0 to 100."""
    status: Annotated[FixStatus, _when_null(FixStatus.PROPOSED)] = FixStatus.PROPOSED
    """What became of it."""
    superseded: Annotated[Flag, _when_null(default=False)] = False
    """Whether another fix took its place."""

    @model_validator(mode="after")
    def _legal(self) -> Self:
        _check_pending(self.status, self.pending_reason)
        return self


class SnapshotScript(ScriptGenerated):
    """A script as a row."""

    generated_at: Instant | None = None
    """Orders scripts among checks."""


class SessionSnapshot(Description):
    """`session.snapshot.v1`: the whole state at this version; replaces all earlier state.

    Lists are oldest first; an absent or null list is empty; of two rows with one id the last counts.
    """

    facts: Annotated[tuple[SnapshotFact, ...], FailFast(), _when_null(())] = ()
    """The live facts."""
    fixes: Annotated[tuple[SnapshotFix, ...], FailFast(), _when_null(())] = ()
    """The fixes, the most recently suggested last."""
    scripts: Annotated[tuple[SnapshotScript, ...], FailFast(), _when_null(())] = ()
    """The generated scripts."""


_AboutFacts = FactRecorded | FactRevised | FactRetracted
_AboutFixes = FixSuggested | FixSuperseded | FixOutcomeRecorded
_Whole = SessionOpened | SessionDescribed | SessionClosed | SessionReopened | SessionSnapshot | SessionErased
SessionData = _Whole | _AboutFacts | _AboutFixes | ScriptGenerated
"""The data of any session event."""

CLOSED, REOPENED, ERASED = "session.closed.v1", "session.reopened.v1", "session.erased.v1"
SCRIPT_GENERATED, SNAPSHOT = "session.script_generated.v1", "session.snapshot.v1"

SESSION_TYPES: dict[str, type[SessionData]] = {
    "session.opened.v1": SessionOpened,
    "session.described.v1": SessionDescribed,
    "session.fact_recorded.v1": FactRecorded,
    "session.fact_revised.v1": FactRevised,
    "session.fact_retracted.v1": FactRetracted,
    "session.fix_suggested.v1": FixSuggested,
    "session.fix_superseded.v1": FixSuperseded,
    "session.fix_outcome_recorded.v1": FixOutcomeRecorded,
    SCRIPT_GENERATED: ScriptGenerated,
    CLOSED: SessionClosed,
    REOPENED: SessionReopened,
    SNAPSHOT: SessionSnapshot,
    ERASED: SessionErased,
}
"""Every session type of the contract, by its name on the wire."""
