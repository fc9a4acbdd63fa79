"""What the package says for each outcome of a fix: the table of contract part 5, with its three columns in one place.

Every text of the record is shown as a cleaned line, and every returned line ends as a sentence. No line claims more for
a fix than its status does.
"""

from collections.abc import Mapping
from typing import assert_never

from consumer.domain.bundle.records import FixRecord
from consumer.domain.language.language import Language
from consumer.domain.text import orders, sentences, words
from consumer.domain.text.language import is_written_in
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
_IN_PLACE = frozenset({FixStatus.APPLIED_PENDING, FixStatus.APPLIED_PARTIAL})
FEWEST_SHARED = 2
"""Content words that a first step shares with what it takes up, if that has so many."""


def quoted(text: str, language: Language, limit: int = _LONGEST_TITLE) -> str:
    """A title in quotation marks, for the inside of a sentence."""
    return language.quoted(shown(text.rstrip(" ."), limit, unreadable=language.unreadable))


def sentence(text: str, language: Language, limit: int = _LONGEST_TEXT) -> str:
    """A text of the record as the end of a sentence: cleaned, shortened, with a full stop where it needs one."""
    line = shown(text, limit, unreadable=language.unreadable)
    return line if line.endswith(_ENDED) else line.rstrip(" ,;:") + "."


def outline(text: str, language: Language) -> str:
    """The first sentences of a text of the record as the end of a sentence; its whole stands elsewhere."""
    line = clean(text)
    if len(line) <= _AGAIN:
        return sentence(line, language)
    kept = ""
    for part in sentences.sentences_of(line):
        if len(kept) + len(part) > _AGAIN:
            break
        kept += f"{part} "
    return f"{kept}{ELLIPSIS}" if kept else sentence(line, language, _AGAIN)


def awaited(fix: FixRecord, language: Language, limit: int = _LONGEST_TEXT) -> str:
    """What a pending fix waits for, as the end of a sentence after "awaited:"."""
    return sentence(_awaited(fix, language), language, limit)


def _awaited(fix: FixRecord, language: Language) -> str:
    return language.waiting.sub("", fix.pending_reason or "") or language.not_recorded


def _waiting_for(fix: FixRecord, language: Language) -> str:
    """The same after "waiting for": what is no plain noun stands as the record's own words."""
    text = outline(_awaited(fix, language), language)
    said = language.waiting_for if language.plain_noun.match(text) else language.waiting_for_words
    return said.format(awaited=text)


def leads(fix: FixRecord | None) -> bool:
    """Whether the fix gives a hypothesis: one with an outcome, or a proposal with enough confidence."""
    return fix is not None and (fix.status is not FixStatus.PROPOSED or fix.confidence_pct >= LEADING_FROM_PCT)


def tried(fix: FixRecord, language: Language, limit: int = _LONGEST_TEXT) -> str:
    """The fix's line in the list of what was tried: its title, its outcome and the texts of the outcome.

    It also says what the fix is, where there is room: that of the active fix whole, others' in their first sentences.

    Empty for a status that is not listed (`proposed`, `dismissed`).
    """
    outcome = _outcome(fix, language, limit, language.superseded if fix.superseded and not fix.active else "")
    if not outcome:
        return ""
    if limit >= _LONGEST_TEXT and _is_described(fix):
        described = language.what_it_is if fix.status in _IN_PLACE else language.what_it_was
        text = sentence if fix.active else outline
        outcome += described.format(description=text(fix.description or "", language))
    title = shown(fix.title.rstrip(" ."), min(limit, _LONGEST_TITLE), unreadable=language.unreadable)
    return language.fix_line.format(title=title, outcome=outcome)


def _is_described(fix: FixRecord) -> bool:
    if not fix.description:
        return False
    return fix.active or not (fix.superseded or orders.to_the_machine(fix.description))


def _outcome(fix: FixRecord, language: Language, limit: int, superseded: str) -> str:
    def said(template: str, *, of: str | None, otherwise: str = "") -> str:
        """The template with this text of the fix, whatever it calls it; otherwise what stands where there is none."""
        if not of:
            return otherwise
        text = sentence(of, language, limit)
        return template.format(notes=text, reason=text)

    match fix.status:
        case FixStatus.PROPOSED | FixStatus.DISMISSED:
            return ""
        case FixStatus.APPLIED_FAILED:
            reason = said(language.failed_reason, of=fix.failure_reason, otherwise=language.failed_no_reason)
            partly = said(language.failed_partly, of=fix.partial_notes)
            return language.failed.format(superseded=superseded, reason=reason, partly=partly)
        case FixStatus.APPLIED_PARTIAL:
            notes = said(language.partial_notes, of=fix.partial_notes, otherwise=language.partial_no_notes)
            return language.partial.format(superseded=superseded, notes=notes)
        case FixStatus.APPLIED_PENDING:
            notes = said(language.pending_notes, of=fix.partial_notes)
            return language.pending.format(superseded=superseded, awaited=awaited(fix, language, limit), notes=notes)
        case FixStatus.APPLIED_SUCCESS:
            escalated = language.escalated_otherwise if fix.active else ""
            return language.success.format(superseded=superseded, escalated=escalated)
        case _ as never:
            assert_never(never)


def without_orders(fix: FixRecord, language: Language) -> FixRecord:
    """The fix as hypothesis and steps may tell of it: without texts that speak to whoever processes them."""

    def heard(text: str) -> str:
        return language.orders_left_out if orders.to_the_machine(text) else text

    return fix.rewritten(heard)


def lead(fix: FixRecord, language: Language) -> str:
    """The fixed beginning of the hypothesis, by the outcome of the active fix. Prose of the draft may follow."""
    fix = without_orders(fix, language)
    title = quoted(fix.title, language)
    why = outline(fix.failure_reason, language) if fix.failure_reason else ""
    match fix.status:
        case FixStatus.PROPOSED:
            return language.lead_proposed.format(title=title, confidence=fix.confidence_pct)
        case FixStatus.APPLIED_FAILED:
            return (language.lead_failed if why else language.lead_failed_no_reason).format(title=title, reason=why)
        case FixStatus.APPLIED_PARTIAL:
            notes = outline(fix.partial_notes, language) if fix.partial_notes else ""
            recorded = language.lead_partial_notes.format(notes=notes) if notes else ""
            return language.lead_partial.format(title=title, notes=recorded)
        case FixStatus.APPLIED_PENDING:
            return language.lead_pending.format(title=title, waiting=_waiting_for(fix, language))
        case FixStatus.APPLIED_SUCCESS:
            return language.lead_success.format(title=title)
        case FixStatus.DISMISSED:
            template = language.lead_dismissed if why else language.lead_dismissed_no_reason
            return template.format(title=title, reason=why)
        case _ as never:
            assert_never(never)


def first_step(fix: FixRecord | None, language: Language) -> str | None:
    """The first next step that the table demands, as a rules draft words it; None where the table demands none."""
    if fix is None:
        return None
    fix = without_orders(fix, language)
    title = quoted(fix.title, language)
    match fix.status:
        case FixStatus.PROPOSED if fix.confidence_pct > TRY_OVER_PCT:
            description = sentence(fix.description or fix.title, language)
            return language.try_it.format(title=title, confidence=fix.confidence_pct, description=description)
        case FixStatus.APPLIED_FAILED if fix.failure_reason:
            return language.other_path.format(title=title, reason=sentence(fix.failure_reason, language, _IN_STEP))
        case FixStatus.APPLIED_FAILED:
            return language.other_path_no_reason.format(title=title)
        case FixStatus.APPLIED_PARTIAL if fix.partial_notes:
            return language.complete.format(title=title, notes=sentence(fix.partial_notes, language, _IN_STEP))
        case FixStatus.APPLIED_PARTIAL:
            return language.complete_no_notes.format(title=title)
        case FixStatus.APPLIED_PENDING:
            return language.confirm.format(title=title, awaited=awaited(fix, language, _IN_STEP))
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


def takes_up(step: NextStep, fix: FixRecord, language: Language) -> bool:
    """Whether a step is the first one that the table demands for this fix.

    It says so in its fields, and its text shares some content words with what it has to name: no other text of the
    record could be meant. With a fix that is told in another language it need share none.
    """
    actions, named = _FIRST_STEPS.get(fix.status, (frozenset(), ()))
    wanted = words.content(" ".join(clean(getattr(fix, name) or "") for name in named))
    wanted -= words.content(language.small_words)
    shared = len(wanted & words.content(clean(step.text)))
    agrees = shared >= min(FEWEST_SHARED, len(wanted)) or not is_written_in(language.words, " ".join(fix.texts()))
    return step.fix == fix.id and step.action in actions and agrees


_FIRST_STEPS: Mapping[FixStatus, tuple[frozenset[StepAction], tuple[str, ...]]] = {
    FixStatus.PROPOSED: (frozenset({StepAction.TRY}), ("title", "description")),
    FixStatus.APPLIED_FAILED: (frozenset({StepAction.OTHER_PATH}), ("failure_reason",)),
    FixStatus.APPLIED_PARTIAL: (frozenset({StepAction.COMPLETE, StepAction.CONFIRM}), ("title", "partial_notes")),
    FixStatus.APPLIED_PENDING: (frozenset({StepAction.CONFIRM}), ("pending_reason",)),
}
"""What a demanded first step does, and the texts of the fix of which it names something."""
