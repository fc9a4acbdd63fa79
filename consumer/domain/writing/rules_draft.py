"""The rules draft: written by code from the record alone, without a model. It is complete and invents nothing.

It quotes the record and says what follows from it: what is awaited, left, failed, asked for, open or missing. No text
that asks or orders something becomes a step or a hypothesis. Advice that does not come from the record is given only
where the domain's name says for certain what it is about; it names no command, host or setting.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord, FixRecord, Records
from consumer.domain.bundle.unread import script_to_read
from consumer.domain.language.language import Domain, Language
from consumer.domain.text import contacts, loose_ends, orders
from consumer.domain.text.sanitize import clean, shorten
from consumer.domain.writing import errand, fact_lines, impact, outcome_table, quotes, sections
from consumer.domain.writing.draft import Draft, DraftForm, NextStep, Statement
from consumer.domain.writing.outcome_table import quoted, sentence
from schemas.sessions import FixStatus

_EXCERPT = 200
"""Characters of a quoted text of the record, such as a fact."""
_LONGEST_REASON = 900
"""Characters of a reason that stands with the problem; a longer one is shortened."""
_LONGEST_ERRAND = 500
"""Characters of what a reason asks: with its words before it, it fits in a step."""
_TELLING_REASON = 100
"""Characters of a reason that says more than that somebody's time is over, whatever its words."""
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_MOST_OPEN = 2
"""Steps on what a fact calls open."""

_DOMAINS: Mapping[Domain, str] = {
    Domain.NETWORK: "network networking vpn dns wifi wi-fi internet firewall lan wan",
    Domain.EMAIL: "email mail exchange microsoft outlook m365 o365 office365 office messaging",
    Domain.PRINTING: "print printing printer printers",
    Domain.IDENTITY: "identity access authentication login password mfa sso account directory",
    Domain.SECURITY: "security phishing malware incident",
    Domain.FILES: "file files fileserver share shares",
    Domain.BACKUP: "backup storage restore replication",
    Domain.VIRTUAL: "virtual vdi avd rds citrix",
    Domain.DEVICE: "hardware device workstation laptop desktop server endpoint performance",
    Domain.APPLICATION: "application software business erp database lob app",
    Domain.TELEPHONY: "phone telephony voip voice",
}
"""The names of each domain in English, each as a whole; a language has its own beside them."""


def draft_by_rules(bundle: Bundle) -> Draft:
    """Writes a draft that passes every check, for any bundle. Never raises."""
    chosen = steps(bundle)
    return Draft(
        problem=problem(bundle, beside=chosen),
        confirmed=(),
        notes=(),
        hypothesis=_hypothesis(bundle, beside=chosen),
        next_steps=chosen,
        form=DraftForm.RULES,
    )


def problem(bundle: Bundle, *, beside: Sequence[NextStep] = ()) -> Statement:
    """The problem from title, summary, the intake's impact and the reason, each quoted in its own words.

    A reason that a step `beside` it tells whole does not stand twice.
    """
    records, language = bundle.records, bundle.language
    said: list[str] = []
    if records.title:
        said.append(language.reported.format(title=sentence(records.title, language, 160)))
    if records.problem_summary:
        said.append(language.summary.format(summary=sentence(records.problem_summary, language)))
    known = f"{records.title or ''} {records.problem_summary or ''}"
    said.extend(impact.impact_of(records.intake_text, language, known=known))
    if not said and records.facts:
        said.append(language.first_fact.format(fact=sentence(records.facts[0].text, language, _EXCERPT)))
    if records.problem_domain and len(said) < 2:
        said.append(language.filed_under.format(domain=sentence(records.problem_domain, language, 80)))
    if records.reason and not (said and _is_told(records.reason, language, beside)):
        reason = sentence(records.reason, language, _LONGEST_REASON)
        if quotes.too_long(records.intake_text, reason):
            reason = sentence(records.reason, language)
        said.append(language.escalated_because.format(reason=reason))
    return Statement(text=" ".join(said) or language.no_problem, records=("P1",))


def _is_told(text: str, language: Language, beside: Sequence[NextStep]) -> bool:
    whole = sentence(text, language, _LONGEST_REASON)
    return any(step.text.endswith(whole) for step in beside)


def steps(bundle: Bundle) -> tuple[NextStep, ...]:
    """Two to four steps: first the one that the table demands, then what the record leaves open.

    What says little stands only where there would be fewer than two. What failed fixes rule out stands last, in one
    line, and takes no step's place.
    """
    records, language = _heard(bundle), bundle.language
    chosen = list(dict.fromkeys((*_from_outcomes(records, language), *_from_gaps(records, language))))
    for step in _fillers(records, language):
        if len(chosen) < sections.FEWEST_STEPS and step not in chosen:
            chosen.append(step)
    ruled_out = _ruled_out(records, language)
    if len(chosen) < sections.FEWEST_STEPS and ruled_out is None:
        chosen.append(_step(language.record_findings))
    room = sections.MOST_STEPS - len(chosen)
    return tuple(chosen[: sections.MOST_STEPS]) if ruled_out is None or room < 1 else (*chosen, ruled_out)


def _heard(bundle: Bundle) -> Records:
    fixes = (outcome_table.without_orders(fix, bundle.language) for fix in bundle.records.fixes)
    return replace(bundle.records, fixes=tuple(fixes))


def _hypothesis(bundle: Bundle, beside: Sequence[NextStep]) -> Statement:
    fix = bundle.records.active_fix
    if fix is None or not outcome_table.leads(fix) or _is_told(fix.description or "", bundle.language, beside):
        return Statement(text="", records=())
    return Statement(text=_described(fix, bundle.language), records=(fix.id,))


def _described(fix: FixRecord, language: Language) -> str:
    """A sentence with the description of a fix that is not listed; empty where the first next step gives it already."""
    if not fix.description or orders.to_the_machine(fix.description):
        return ""
    if fix.status is FixStatus.PROPOSED and outcome_table.first_step(fix, language) is None:
        return language.proposes.format(description=sentence(fix.description, language))
    if fix.status is FixStatus.DISMISSED:
        return language.what_it_was.format(description=sentence(fix.description, language)).strip()
    return ""


def _from_outcomes(records: Records, language: Language) -> Iterator[NextStep]:
    """Steps that the recorded outcomes and the reason leave to be done: first the one that the table demands.

    A reason that asks comes before a fix that the table does not demand, and so does what waits for its time.
    """
    active = records.active_fix
    demanded = outcome_table.first_step(active, language)
    asked, is_asked = _asked(records)
    if active is not None and demanded is not None:
        may_wait = is_asked and active.status in {FixStatus.PROPOSED, FixStatus.APPLIED_PARTIAL}
        yield _step(f"{demanded} {language.read_next_first}" if may_wait else demanded, active.id)
    if is_asked:
        yield _taken_up(asked, language)
    for fix in _earlier(records, FixStatus.APPLIED_PENDING):
        if not fix.superseded:
            yield _step(_confirmation(fix, language), fix.id)
    if active is not None and demanded is None and (_is_described(active) or not records.reason):
        yield _step(_step_on_active(active, records, language), active.id)


def _taken_up(asked: str, language: Language) -> NextStep:
    return _step(language.take_up_reason.format(reason=sentence(asked, language, _LONGEST_ERRAND)), "R1")


def _is_described(fix: FixRecord) -> bool:
    """Whether it is proposed, in words that a step can quote."""
    has_words = bool(fix.description) and not orders.to_the_machine(fix.description or "")
    return fix.status is FixStatus.PROPOSED and has_words


def _asked(records: Records) -> tuple[str, bool]:
    """What the reason asks, and whether that is a step: it asks or tells something, or no fix has one to be taken.

    That is the whole reason, where it is not too long: what somebody asks depends on what they tell. Empty for a reason
    that speaks to whoever processes it.
    """
    reason, active = clean(records.reason or ""), records.active_fix
    if not reason or orders.to_the_machine(reason):
        return "", False
    asked = errand.errand_of(reason, _LONGEST_ERRAND)
    is_all_there_is = active is None or active.status in {FixStatus.APPLIED_SUCCESS, FixStatus.DISMISSED}
    is_step = asked is not None or is_all_there_is or len(reason) >= _TELLING_REASON
    return (asked or reason) if len(reason) > _LONGEST_ERRAND else reason, is_step


def _fillers(records: Records, language: Language) -> Iterator[NextStep]:
    """Steps that say less than the reason and the open ends do, the best first."""
    active = records.active_fix
    asked, is_asked = _asked(records)
    if asked and not is_asked:
        yield _taken_up(asked, language)
    if records.intake_text:
        reach = contacts.callback(records.intake_text)
        yield _step(
            language.keep_informed_at.format(reach=quoted(reach, language)) if reach else language.keep_informed
        )
    yield from (_step(_confirmation(fix, language), fix.id) for fix in _earlier(records, FixStatus.APPLIED_PENDING))
    partial = [*_earlier(records, FixStatus.APPLIED_PARTIAL)]
    yield from (_step(_completion(fix, language), fix.id) for fix in partial if not fix.superseded)
    if active is not None and outcome_table.first_step(active, language) is None:
        yield _step(_step_on_active(active, records, language), active.id)
    yield from (_step(_completion(fix, language), fix.id) for fix in partial if fix.superseded)
    if records.facts and not any(fact.is_check for fact in records.facts):
        yield _step(language.first_check, records.facts[-1].id)
    if advice := _advice(records.problem_domain, language):
        yield _step(advice)
    yield _step(language.reproduce)


def _earlier(records: Records, status: FixStatus) -> Iterator[FixRecord]:
    return (fix for fix in records.fixes if not fix.active and fix.status is status)


def _confirmation(fix: FixRecord, language: Language) -> str:
    awaited = outcome_table.awaited(fix, language, _EXCERPT)
    return language.confirm_earlier.format(title=quoted(fix.title, language), awaited=awaited)


def _completion(fix: FixRecord, language: Language) -> str:
    """A step about an earlier fix that was done in part."""
    if not fix.superseded:
        return outcome_table.first_step(fix, language) or ""
    title = quoted(fix.title, language)
    if not fix.partial_notes:
        return language.complete_superseded.format(title=title)
    return language.complete_superseded_notes.format(title=title, notes=sentence(fix.partial_notes, language, _EXCERPT))


def _step_on_active(fix: FixRecord, records: Records, language: Language) -> str:
    """A step about an active fix for which the table demands no first step."""
    title = quoted(fix.title, language)
    match fix.status:
        case FixStatus.APPLIED_SUCCESS:
            return language.what_remains.format(title=title)
        case FixStatus.DISMISSED:
            return language.other_way.format(title=title, facts=language.from_facts if records.facts else "")
        case _:
            if not fix.description or not _is_described(fix):
                return language.test_premise.format(title=title, confidence=fix.confidence_pct)
            return language.test_premise_proposed.format(
                title=title, confidence=fix.confidence_pct, description=sentence(fix.description, language)
            )


def _from_gaps(records: Records, language: Language) -> Iterator[NextStep]:
    """Steps for what the record leaves open, the most useful first."""
    if not records.facts:
        yield _step(language.ask_reporter)
    for fact, left_open in _loose_ends(records):
        yield _step(language.settle_open.format(said=sentence(left_open, language)), fact.id)
    if (script := script_to_read(records)) is not None:
        yield _step(language.was_script_run.format(title=quoted(script.name, language)), script.id)


def _loose_ends(records: Records) -> list[tuple[FactRecord, str]]:
    """The newest facts that say that something is unchecked or open, and what; no later record speaks of it again."""
    later = [text for fix in records.applied_fixes for text in (fix.partial_notes, fix.failure_reason) if text]
    later += [f"{fix.title}. {fix.failure_reason}" for fix in records.fixes if fix.status is FixStatus.DISMISSED]
    left: list[tuple[FactRecord, str]] = []
    for fact in reversed(records.facts):
        text = clean(fact.text)
        is_heard = not fact_lines.is_address(fact) and not fact_lines.is_output(fact)
        if is_heard and (said := loose_ends.loose_end(text)) and not loose_ends.is_answered(text, later):
            left.append((fact, said))
        later.append(text)
    return left[:_MOST_OPEN]


def _advice(domain: str | None, language: Language) -> str | None:
    """The advice for a problem domain; None for one whose words name no domain of `_DOMAINS`, or several."""
    said = set(_NOT_LETTERS.split(clean(domain or "").casefold()))
    named = [
        language.advice[known]
        for known, names in _DOMAINS.items()
        if not said.isdisjoint((*names.split(), *language.domains.get(known, "").split()))
    ]
    return named[0] if len(named) == 1 else None


def _ruled_out(records: Records, language: Language) -> NextStep | None:
    """A line that names failed fixes, so that nobody repeats them. The first step names the active one."""
    failed = [fix for fix in records.fixes if fix.status is FixStatus.APPLIED_FAILED and not fix.active]
    if not failed:
        return None
    titles = list(dict.fromkeys(quoted(fix.title, language, 80) for fix in failed))
    more = language.more_failed.format(number=len(titles) - 3) if len(titles) > 3 else ""
    ids = (fix.id for fix in failed)
    return _step(language.not_again.format(titles=", ".join(titles[-3:]), more=more), *ids)


def _step(text: str, *records: str) -> NextStep:
    """A step that rests on these records; without any it rests on the session's description (P1)."""
    return NextStep(text=shorten(text, 600), records=records or ("P1",))
