"""What the package says for each outcome of a fix: the table of contract part 5, with its three columns in one place.

Every text of the record is shown as a cleaned line, and every returned line ends as a sentence. No line claims more for
a fix than its status does.
"""

import re
from collections.abc import Mapping
from typing import assert_never

from consumer.domain.bundle.records import FixRecord
from consumer.domain.text import orders, sentences, words
from consumer.domain.text.sanitize import ELLIPSIS, clean, shown
from consumer.domain.writing.draft import NextStep, StepAction
from schemas.sessions import FixStatus

LEADING_FROM_PCT = 60
"""A proposed fix with at least this confidence is the leading hypothesis."""
TRY_OVER_PCT = 80
"""A proposed fix with more than this confidence must be tried first."""
_LONGEST_TITLE = 120
_LONGEST_TEXT = 280
"""Characters. Below the contract's 300 characters of the intake, because a text may be copied from it."""
_AGAIN = 200
"""Characters of a text whose whole stands in the list of what was tried: its first sentences."""
_IN_STEP = 420
"""Characters of a text on which the first step has to act."""
_ENDED = (".", "!", "?", "…")
_LEFT_OUT = "(a text that gives orders, left out here)"
_IN_PLACE = frozenset({FixStatus.APPLIED_PENDING, FixStatus.APPLIED_PARTIAL})
_UNCERTAIN = "What would resolve the issue remains uncertain."

_WAITING = re.compile(
    r"^(?:still\s+)?(?:(?:a?wait(?:s|ing)?|pending)(?:\s+(?:for|on|until))?|wait\s+until)\s*:?\s+", re.IGNORECASE
)
"""How what is awaited often begins, though the sentence of code says it already."""
_NOUN = re.compile(
    r"(?:the|an?|this|that|these|those|his|her|their|our|its|tonight['\u2019]s|tomorrow['\u2019]s|something)\s",
    re.IGNORECASE,
)
FEWEST_SHARED = 2
"""Content words that a first step shares with what it takes up, if that has so many."""


def quoted(text: str, limit: int = _LONGEST_TITLE) -> str:
    """A title in quotation marks, for the inside of a sentence."""
    return '"' + shown(text.replace('"', "'").rstrip(" ."), limit) + '"'


def sentence(text: str, limit: int = _LONGEST_TEXT) -> str:
    """A text of the record as the end of a sentence: cleaned, shortened, with a full stop where it needs one."""
    line = shown(text, limit)
    return line if line.endswith(_ENDED) else line.rstrip(" ,;:") + "."


def outline(text: str) -> str:
    """The first sentences of a text of the record as the end of a sentence; its whole stands elsewhere."""
    line = clean(text)
    if len(line) <= _AGAIN:
        return sentence(line)
    kept = ""
    for part in sentences.sentences_of(line):
        if len(kept) + len(part) > _AGAIN:
            break
        kept += f"{part} "
    return f"{kept}{ELLIPSIS}" if kept else sentence(line, _AGAIN)


def awaited(fix: FixRecord, limit: int = _LONGEST_TEXT) -> str:
    """What a pending fix waits for, as the end of a sentence after "awaited:"."""
    return sentence(_awaited(fix), limit)


def _awaited(fix: FixRecord) -> str:
    return _WAITING.sub("", fix.pending_reason or "") or "something that was not recorded"


def _waiting_for(fix: FixRecord) -> str:
    """The same after "waiting for": what is no plain noun stands as the record's own words."""
    text = outline(_awaited(fix))
    return f"waiting for{' ' if _NOUN.match(text) else ', as recorded: '}{text}"


def _in_full(text: str) -> str:
    return sentence(text, _IN_STEP)


def leads(fix: FixRecord | None) -> bool:
    """Whether the fix gives a hypothesis: one with an outcome, or a proposal with enough confidence."""
    return fix is not None and (fix.status is not FixStatus.PROPOSED or fix.confidence_pct >= LEADING_FROM_PCT)


def tried(fix: FixRecord, limit: int = _LONGEST_TEXT) -> str:
    """The fix's line in the list of what was tried: its title, its outcome and the texts of the outcome.

    That of the active fix also says what it is, where there is room.

    Empty for a status that is not listed (`proposed`, `dismissed`).
    """
    if fix.superseded and not fix.active:
        outcome = _outcome(fix, limit, ", since superseded")
    else:
        outcome = _outcome(fix, limit, "")
    if not outcome:
        return ""
    if fix.active and fix.description and limit >= _LONGEST_TEXT:
        outcome += f" What it {'is' if fix.status in _IN_PLACE else 'was'}: {sentence(fix.description, limit)}"
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
            return f"applied{superseded}, awaiting verification: {awaited(fix, limit)}{notes}"
        case FixStatus.APPLIED_SUCCESS:
            escalated = "; escalated for another reason" if fix.active else ""
            return f"applied and verified{superseded}{escalated}."
        case _ as never:
            assert_never(never)


def without_orders(fix: FixRecord) -> FixRecord:
    """The fix as hypothesis and steps may tell of it: without texts that speak to whoever processes them."""

    def heard(text: str) -> str:
        return _LEFT_OUT if orders.to_the_machine(text) else text

    return fix.rewritten(heard)


def lead(fix: FixRecord) -> str:
    """The fixed beginning of the hypothesis, by the outcome of the active fix. Prose of the draft may follow."""
    fix = without_orders(fix)
    title = quoted(fix.title)
    match fix.status:
        case FixStatus.PROPOSED:
            return f"{title} is the leading hypothesis at {fix.confidence_pct}% confidence; it is not applied yet."
        case FixStatus.APPLIED_FAILED:
            why = f": {outline(fix.failure_reason)}" if fix.failure_reason else "; no reason was recorded."
            return f"{title} was applied and did not hold{why} {_UNCERTAIN}"
        case FixStatus.APPLIED_PARTIAL:
            notes = f" On record: {outline(fix.partial_notes)}" if fix.partial_notes else ""
            return f"{title} was applied only in part: it is not complete or not verified, and the rest is open.{notes}"
        case FixStatus.APPLIED_PENDING:
            return (
                f"{title} is in place but not yet confirmed: {_waiting_for(fix)}"
                " It is unverified and leads until it is confirmed."
            )
        case FixStatus.APPLIED_SUCCESS:
            return f"{title} was applied and verified and solved the original symptom; a new or related issue remains."
        case FixStatus.DISMISSED:
            why = f": {outline(fix.failure_reason)}" if fix.failure_reason else "."
            return f"{title} was set aside{why} {_UNCERTAIN}"
        case _ as never:
            assert_never(never)


def first_step(fix: FixRecord | None) -> str | None:
    """The first next step that the table demands, as a rules draft words it; None where the table demands none."""
    if fix is None:
        return None
    fix = without_orders(fix)
    title = quoted(fix.title)
    match fix.status:
        case FixStatus.PROPOSED if fix.confidence_pct > TRY_OVER_PCT:
            return (
                f"Try {title}, proposed at {fix.confidence_pct}% confidence: {sentence(fix.description or fix.title)}"
            )
        case FixStatus.APPLIED_FAILED if fix.failure_reason:
            return f"Take another path than {title}, starting from why it failed: {_in_full(fix.failure_reason)}"
        case FixStatus.APPLIED_FAILED:
            return f"Establish why {title} failed, since no reason was recorded, and take another path from there."
        case FixStatus.APPLIED_PARTIAL if fix.partial_notes:
            return f"Complete {title} or verify it as far as it goes; on record: {_in_full(fix.partial_notes)}"
        case FixStatus.APPLIED_PARTIAL:
            return f"Establish what of {title} was done, then complete and verify it."
        case FixStatus.APPLIED_PENDING:
            return f"Confirm whether {title} held; awaited: {_in_full(_awaited(fix))}"
        case FixStatus.PROPOSED | FixStatus.APPLIED_SUCCESS | FixStatus.DISMISSED:
            return None
        case _ as never:
            assert_never(never)


def demand(fix: FixRecord | None) -> str:
    """What the active fix demands of hypothesis and first step, for the prompt. Names the fix by its record's id."""
    if fix is None or not leads(fix):
        return "There is no leading hypothesis: leave the hypothesis text empty."
    demanded = ""
    in_its_words = f"(fix {fix.id}, action {{action}}) in words that its record uses"
    match fix.status:
        case FixStatus.PROPOSED if fix.confidence_pct > TRY_OVER_PCT:
            demanded = f"The first next step tries it {in_its_words.format(action=StepAction.TRY)}."
        case FixStatus.APPLIED_FAILED:
            other = in_its_words.format(action=StepAction.OTHER_PATH)
            demanded = (
                f"The first next step takes another path {other}: go on from its failure_reason, and do not repeat it."
            )
        case FixStatus.APPLIED_PARTIAL:
            rest = in_its_words.format(action=f"{StepAction.COMPLETE} or {StepAction.CONFIRM}")
            demanded = f"The first next step completes or verifies it {rest}: name what is open."
        case FixStatus.APPLIED_PENDING:
            held = in_its_words.format(action=StepAction.CONFIRM)
            demanded = f"The first next step finds out whether it held {held}: name what its pending_reason waits for."
        case FixStatus.APPLIED_SUCCESS:
            demanded = "The original symptom is solved; the next steps are about the new or related issue that remains."
        case FixStatus.DISMISSED:
            demanded = "It was set aside: the hypothesis says what remains uncertain."
        case FixStatus.PROPOSED:
            demanded = "It is proposed and not applied."
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


def takes_up(step: NextStep, fix: FixRecord) -> bool:
    """Whether a step is the first one that the table demands for this fix.

    It says so in its fields, and its text shares some content words with what it has to name: no other text of the
    record could be meant.
    """
    actions, named = _FIRST_STEPS.get(fix.status, (frozenset(), ()))
    wanted = words.content(" ".join(clean(getattr(fix, name) or "") for name in named))
    shared = len(wanted & words.content(clean(step.text)))
    return step.fix == fix.id and step.action in actions and shared >= min(FEWEST_SHARED, len(wanted))


_FIRST_STEPS: Mapping[FixStatus, tuple[frozenset[StepAction], tuple[str, ...]]] = {
    FixStatus.PROPOSED: (frozenset({StepAction.TRY}), ("title", "description")),
    FixStatus.APPLIED_FAILED: (frozenset({StepAction.OTHER_PATH}), ("failure_reason",)),
    FixStatus.APPLIED_PARTIAL: (frozenset({StepAction.COMPLETE, StepAction.CONFIRM}), ("title", "partial_notes")),
    FixStatus.APPLIED_PENDING: (frozenset({StepAction.CONFIRM}), ("pending_reason",)),
}
"""What a demanded first step does, and the texts of the fix of which it names something."""
