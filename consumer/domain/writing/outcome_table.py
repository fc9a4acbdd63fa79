"""What the package says for each outcome of a fix: the table of contract part 5, with its three columns in one place.

Every text of the record is shown as a cleaned line, and every returned line ends as a sentence. No line claims more for
a fix than its status does.
"""

import re
from typing import assert_never

from consumer.domain.bundle.records import FixRecord
from consumer.domain.text import words
from consumer.domain.text.sanitize import clean, shown
from schemas.sessions import FixStatus

LEADING_FROM_PCT = 60
"""A proposed fix with at least this confidence is the leading hypothesis."""
TRY_OVER_PCT = 80
"""A proposed fix with more than this confidence must be tried first."""
_LONGEST_TITLE = 120
_LONGEST_TEXT = 280
"""Characters. Below the contract's 300 characters of the intake, because a text may be copied from it."""
_AGAIN = 160
"""Characters of a text whose longer form stands in the list of what was tried."""
_ENDED = (".", "!", "?", "…")

_CONFIRM = re.compile(
    r"\b(?:re-?)?(?:confirm|verify|check|ask|test|establish|find out|determine|validate|wait)", re.IGNORECASE
)
_COMPLETE = re.compile(
    r"\b(?:complete|finish|carry out|apply|roll out|extend|continue|confirm|verify|check|test|validate)", re.IGNORECASE
)
_TRY = re.compile(r"\b(?:try|apply|implement|carry out|perform|execute|run|proceed|roll out|do)\b", re.IGNORECASE)


def quoted(text: str, limit: int = _LONGEST_TITLE) -> str:
    """A title in quotation marks, for the inside of a sentence."""
    return '"' + shown(text.replace('"', "'").rstrip(" ."), limit) + '"'


def sentence(text: str, limit: int = _LONGEST_TEXT) -> str:
    """A text of the record as the end of a sentence: cleaned, shortened, with a full stop where it needs one."""
    line = shown(text, limit)
    return line if line.endswith(_ENDED) else line.rstrip(" ,;:") + "."


def leads(fix: FixRecord | None) -> bool:
    """Whether the fix gives a hypothesis: one with an outcome, or a proposal with enough confidence."""
    return fix is not None and (fix.status is not FixStatus.PROPOSED or fix.confidence_pct >= LEADING_FROM_PCT)


def tried(fix: FixRecord, limit: int = _LONGEST_TEXT) -> str:
    """The fix's line in the list of what was tried: its title, its outcome and the texts of the outcome.

    Empty for a status that is not listed (`proposed`, `dismissed`).
    """
    if fix.superseded and not fix.active:
        outcome = _outcome(fix, limit, ", since superseded")
    else:
        outcome = _outcome(fix, limit, "")
    if not outcome:
        return ""
    return f"Fix: {shown(fix.title.rstrip(' .'), min(limit, _LONGEST_TITLE))} — {outcome}"


def _outcome(fix: FixRecord, limit: int, superseded: str) -> str:
    match fix.status:
        case FixStatus.PROPOSED | FixStatus.DISMISSED:
            return ""
        case FixStatus.APPLIED_FAILED:
            reason = (
                f"Failure reason: {sentence(fix.failure_reason, limit)}"
                if fix.failure_reason
                else "No reason was recorded."
            )
            partly = f" Before that, in part: {sentence(fix.partial_notes, limit)}" if fix.partial_notes else ""
            return f"applied{superseded}; failed, did not resolve the issue. {reason}{partly}"
        case FixStatus.APPLIED_PARTIAL:
            notes = sentence(fix.partial_notes, limit) if fix.partial_notes else "no notes were recorded."
            return f"partly done{superseded}; not complete or not verified. Notes: {notes}"
        case FixStatus.APPLIED_PENDING:
            notes = f" Notes: {sentence(fix.partial_notes, limit)}" if fix.partial_notes else ""
            awaited = sentence(fix.pending_reason or "not recorded", limit)
            return f"applied{superseded}, awaiting verification: {awaited}{notes}"
        case FixStatus.APPLIED_SUCCESS:
            escalated = "; escalated for another reason" if fix.active else ""
            return f"applied and verified{superseded}{escalated}."
        case _ as never:
            assert_never(never)


def lead(fix: FixRecord) -> str:
    """The fixed beginning of the hypothesis, by the outcome of the active fix. Prose of the draft may follow."""
    title = quoted(fix.title)
    match fix.status:
        case FixStatus.PROPOSED:
            return f"{title} is the leading hypothesis at {fix.confidence_pct}% confidence; proposed, not applied yet."
        case FixStatus.APPLIED_FAILED:
            why = f": {sentence(fix.failure_reason, _AGAIN)}" if fix.failure_reason else "; no reason was recorded."
            return f"{title} was applied and did not hold{why} The cause remains uncertain."
        case FixStatus.APPLIED_PARTIAL:
            notes = f" On record: {sentence(fix.partial_notes, _AGAIN)}" if fix.partial_notes else ""
            return f"{title} was applied only in part and is not complete or not verified; the rest is open.{notes}"
        case FixStatus.APPLIED_PENDING:
            return f"{title} is in place but unverified; it leads until it is confirmed, awaiting: " + sentence(
                fix.pending_reason or "what is awaited was not recorded"
            )
        case FixStatus.APPLIED_SUCCESS:
            return f"{title} was applied and verified and solved the original symptom; a new or related issue remains."
        case FixStatus.DISMISSED:
            why = f": {sentence(fix.failure_reason, _AGAIN)}" if fix.failure_reason else "."
            return f"{title} was set aside{why} The cause remains uncertain."
        case _ as never:
            assert_never(never)


def first_step(fix: FixRecord | None) -> str | None:
    """The first next step that the table demands, as a rules draft words it; None where the table demands none."""
    if fix is None:
        return None
    title = quoted(fix.title)
    match fix.status:
        case FixStatus.PROPOSED if fix.confidence_pct > TRY_OVER_PCT:
            return (
                f"Try {title}, proposed at {fix.confidence_pct}% confidence: {sentence(fix.description or fix.title)}"
            )
        case FixStatus.APPLIED_FAILED if fix.failure_reason:
            return (
                f"Take another path than {title}, starting from why it failed: {sentence(fix.failure_reason, _AGAIN)}"
            )
        case FixStatus.APPLIED_FAILED:
            return f"Establish why {title} failed, since no reason was recorded, and take another path from there."
        case FixStatus.APPLIED_PARTIAL if fix.partial_notes:
            return f"Complete {title} or verify it as far as it goes; on record: {sentence(fix.partial_notes, _AGAIN)}"
        case FixStatus.APPLIED_PARTIAL:
            return f"Establish what of {title} was done, then complete and verify it."
        case FixStatus.APPLIED_PENDING:
            return f"Confirm whether {title} held; awaited: {sentence(fix.pending_reason or 'not recorded')}"
        case FixStatus.PROPOSED | FixStatus.APPLIED_SUCCESS | FixStatus.DISMISSED:
            return None
        case _ as never:
            assert_never(never)


def demand(fix: FixRecord | None) -> str:
    """What the active fix demands of hypothesis and first step, for the prompt. Names the fix by its record's id."""
    if fix is None or not leads(fix):
        return "There is no leading hypothesis: leave the hypothesis text empty."
    demanded = ""
    match fix.status:
        case FixStatus.PROPOSED if fix.confidence_pct > TRY_OVER_PCT:
            demanded = "The first next step must be to try it, naming what it is."
        case FixStatus.APPLIED_FAILED:
            demanded = (
                "The first next step must take another path that uses its failure reason, and must not repeat it."
            )
        case FixStatus.APPLIED_PARTIAL:
            demanded = "The first next step must complete or verify it, naming what is open."
        case FixStatus.APPLIED_PENDING:
            demanded = (
                "The first next step must confirm whether it held, naming what was awaited as its pending_reason says."
            )
        case FixStatus.APPLIED_SUCCESS:
            demanded = "The original symptom is solved; the next steps are about the new or related issue that remains."
        case FixStatus.DISMISSED:
            demanded = "It was set aside: the hypothesis says what remains uncertain."
        case FixStatus.PROPOSED:
            demanded = "It is not applied."
        case _ as never:
            assert_never(never)
    return f"The active fix is {fix.id} with the status {fix.status.value}. {demanded}"


def demands() -> tuple[str, ...]:
    """Every kind of demand, for the prompt's version: a changed demand is a changed prompt."""
    confidences = (TRY_OVER_PCT, TRY_OVER_PCT + 1)
    fixes = (
        FixRecord(id="X1", active=True, title="-", confidence_pct=confidence, status=status)
        for status in FixStatus
        for confidence in confidences
    )
    return (demand(None), *map(demand, fixes))


def first_step_flaw(fix: FixRecord | None, step: str) -> str | None:
    """Why a first step is not what the table demands; None where it is, or where the table demands none."""
    if fix is None or first_step(fix) is None:
        return None
    match fix.status:
        case FixStatus.PROPOSED:
            acts = _TRY.search(step) is not None or words.in_order(step)[:1] == words.in_order(fix.title)[:1]
            named = _shares(fix.title, step, 1 / 3)
            return None if acts and named else "the first next step must be to try the active fix, naming it"
        case FixStatus.APPLIED_FAILED:
            used = fix.failure_reason is None or _shares(fix.failure_reason, step, 0.2)
            return None if used else "the first next step must use the failure reason of the active fix"
        case FixStatus.APPLIED_PARTIAL:
            named = _shares(f"{fix.title} {fix.partial_notes or ''}", step, 0.25)
            acts = _COMPLETE.search(step) is not None
            return None if acts and named else "the first next step must complete or verify the active fix, naming it"
        case _:
            acts = _CONFIRM.search(step) is not None
            named = _shares(fix.pending_reason or "", step, 0.3)
            return (
                None
                if acts and named
                else "the first next step must confirm whether the active fix held, naming what was awaited"
            )


def _shares(wanted: str, text: str, part: float) -> bool:
    """Whether `text` takes up `wanted`: at least this part of its content words, or three of them."""
    wanted, text = clean(wanted), clean(text)
    return words.share(wanted, text) >= part or len(words.content(wanted) & words.content(text)) >= 3
