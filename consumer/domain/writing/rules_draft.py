"""The rules draft: written by code from the record alone, without a model. It is complete and invents nothing.

It quotes the record and says what follows from it: what is awaited, left, failed, asked for, open or missing. No text
that asks or orders something becomes a step or a hypothesis. Advice that does not come from the record is given only
where the domain's name says for certain what it is about; it names no command, host or setting.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord, FixRecord, Records
from consumer.domain.bundle.unread import script_to_read
from consumer.domain.text import loose_ends, orders
from consumer.domain.text.sanitize import clean, shorten
from consumer.domain.writing import fact_lines, impact, outcome_table, sections
from consumer.domain.writing.draft import Draft, DraftForm, NextStep, Statement
from consumer.domain.writing.outcome_table import quoted, sentence
from schemas.sessions import FixStatus

_EXCERPT = 200
"""Characters of a quoted text of the record, such as a fact."""
_LONGEST_REASON = 420
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_MOST_OPEN = 2
"""Steps on what a fact calls open."""

_GENERAL = (
    "Reproduce the symptom with an affected user and record the exact error text and time,"
    " so that the next change can be judged against it."
)
_RECORD = "Record what is found with its time and source, so that the next change can be judged against it."
_ADVICE: Mapping[str, str] = {
    "network networking vpn dns wifi wi-fi internet firewall lan wan": (
        "Compare an affected device with one that works, from the same place: address, name resolution, path, and where"
        " the two first differ."
    ),
    "email mail exchange microsoft outlook m365 o365 office365 office messaging": (
        "Compare an affected mailbox with one that works, in another client and in the browser, to tell the account"
        " from the device."
    ),
    "print printing printer printers": (
        "Print the same job from another device and over another path, to tell the application, the queue and the"
        " printer apart."
    ),
    "identity access authentication login password mfa sso account directory": (
        "Compare a failing sign-in with one that works: account, device, place and time, and what the sign-in log says"
        " of both."
    ),
    "security phishing malware incident": (
        "Establish the extent before changing more: what is concerned, since when, and what has been changed or"
        " contained so far; keep the evidence."
    ),
    "file files fileserver share shares": (
        "Compare an affected share with one that works: path, rights, free space, and the device from which it is"
        " opened."
    ),
    "backup storage restore replication": (
        "Establish when the last good copy was made and whether it can be restored, before anything else is changed."
    ),
    "virtual vdi avd rds citrix": (
        "Compare a session that is affected with one that is not: user, host, time and device, and the first step at"
        " which the two differ."
    ),
    "hardware device workstation laptop desktop server endpoint performance": (
        "Swap one part at a time against one that works (user, device, cable, place), to tell the hardware from the"
        " profile."
    ),
    "application software business erp database lob app": (
        "Compare an affected user with one who can work: version, rights, data and device, and which of them moves the"
        " error."
    ),
    "phone telephony voip voice": (
        "Compare a failing call with one that works: direction, device, place and path, and where the two first differ."
    ),
}
"""A step that tells causes apart, for each domain. A key holds the names of one domain, each as a whole."""


def draft_by_rules(bundle: Bundle) -> Draft:
    """Writes a draft that passes every check, for any bundle. Never raises."""
    return Draft(
        problem=problem(bundle.records),
        confirmed=(),
        notes=(),
        hypothesis=_hypothesis(bundle),
        next_steps=steps(bundle),
        form=DraftForm.RULES,
    )


def problem(records: Records) -> Statement:
    """The problem from title, summary, the intake's impact and the reason, each quoted in its own words."""
    sentences: list[str] = []
    if records.title:
        sentences.append(f"The reported problem was: {sentence(records.title, 160)}")
    if records.problem_summary:
        sentences.append(f"Summary: {sentence(records.problem_summary)}")
    sentences.extend(
        impact.impact_of(records.intake_text, known=f"{records.title or ''} {records.problem_summary or ''}")
    )
    if not sentences and records.facts:
        sentences.append(
            f"No description was recorded; the first confirmed fact was: {sentence(records.facts[0].text, _EXCERPT)}"
        )
    if records.problem_domain and len(sentences) < 2:
        sentences.append(f"It was filed under: {sentence(records.problem_domain, 80)}")
    if records.reason:
        sentences.append(f"It was escalated with the reason: {sentence(records.reason)}")
    return Statement(text=" ".join(sentences) or sections.NO_PROBLEM, records=("P1",))


def steps(bundle: Bundle) -> tuple[NextStep, ...]:
    """Two to four steps: first the one that the table demands, then what the record leaves open.

    What says little stands only where there would be fewer than two. What failed fixes rule out stands last, in one
    line, and takes no step's place.
    """
    records = _heard(bundle.records)
    chosen = list(dict.fromkeys((*_from_outcomes(records), *_from_gaps(records))))
    for step in _fillers(records):
        if len(chosen) < sections.FEWEST_STEPS and step not in chosen:
            chosen.append(step)
    ruled_out = _ruled_out(records)
    if len(chosen) < sections.FEWEST_STEPS and ruled_out is None:
        chosen.append(_step(_RECORD))
    room = sections.MOST_STEPS - len(chosen)
    return tuple(chosen[: sections.MOST_STEPS]) if ruled_out is None or room < 1 else (*chosen, ruled_out)


def _heard(records: Records) -> Records:
    return replace(records, fixes=tuple(map(outcome_table.without_orders, records.fixes)))


def _hypothesis(bundle: Bundle) -> Statement:
    fix = bundle.records.active_fix
    if fix is None or not outcome_table.leads(fix):
        return Statement(text="", records=())
    return Statement(text=_described(fix), records=(fix.id,))


def _described(fix: FixRecord) -> str:
    """A sentence with the description of a fix that is not listed; empty where the first next step gives it already."""
    if not fix.description or orders.to_the_machine(fix.description):
        return ""
    if fix.status is FixStatus.PROPOSED and outcome_table.first_step(fix) is None:
        return f"What it proposes: {sentence(fix.description)}"
    return f"What it was: {sentence(fix.description)}" if fix.status is FixStatus.DISMISSED else ""


def _from_outcomes(records: Records) -> Iterator[NextStep]:
    """Steps that the recorded outcomes and the reason leave to be done: first the one that the table demands."""
    active = records.active_fix
    demanded = outcome_table.first_step(active)
    if active is not None and demanded is not None:
        yield _step(demanded, active.id)
    elif active is not None and (active.status is FixStatus.PROPOSED or not records.reason):
        yield _step(_step_on_active(active, records), active.id)
    if records.reason and not orders.to_the_machine(records.reason):
        yield _step(f"Take up what it was escalated for: {sentence(records.reason, _LONGEST_REASON)}", "R1")
    for fix in _earlier(records, FixStatus.APPLIED_PENDING):
        if not fix.superseded:
            yield _step(_confirmation(fix), fix.id)


def _fillers(records: Records) -> Iterator[NextStep]:
    """Steps that say less than the reason and the open ends do, the best first."""
    active = records.active_fix
    if active is not None and active.status in {FixStatus.APPLIED_SUCCESS, FixStatus.DISMISSED} and records.reason:
        yield _step(_step_on_active(active, records), active.id)
    yield from (_step(_confirmation(fix), fix.id) for fix in _earlier(records, FixStatus.APPLIED_PENDING))
    yield from (_step(_completion(fix), fix.id) for fix in _earlier(records, FixStatus.APPLIED_PARTIAL))
    if advice := _advice(records.problem_domain):
        yield _step(advice)
    yield _step(_GENERAL)


def _earlier(records: Records, status: FixStatus) -> Iterator[FixRecord]:
    return (fix for fix in records.fixes if not fix.active and fix.status is status)


def _confirmation(fix: FixRecord) -> str:
    awaited = outcome_table.awaited(fix, _EXCERPT)
    return f"Confirm whether the earlier fix {quoted(fix.title)} held; awaited: {awaited}"


def _completion(fix: FixRecord) -> str:
    """A step about an earlier fix that was done in part."""
    if not fix.superseded:
        return outcome_table.first_step(fix) or ""
    notes = f": {sentence(fix.partial_notes, _EXCERPT)}" if fix.partial_notes else "."
    return f"Decide whether {quoted(fix.title)}, done in part and since superseded, is completed or undone{notes}"


def _step_on_active(fix: FixRecord, records: Records) -> str:
    """A step about an active fix for which the table demands no first step."""
    title = quoted(fix.title)
    match fix.status:
        case FixStatus.APPLIED_SUCCESS:
            return f"Establish what remains after {title}: which exact symptom, and since when."
        case FixStatus.DISMISSED:
            where = ", from what the facts leave open" if records.facts else ""
            return f"Find another way than {title}, which was set aside{where}."
        case _:
            weak = f"only {fix.confidence_pct}% confidence, not applied"
            step = f"Test the premise of {title} ({weak}) before applying it"
            if not fix.description or outcome_table.leads(fix) or orders.to_the_machine(fix.description):
                return f"{step}."  # the hypothesis describes a fix that leads
            return f"{step}; what it proposes: {sentence(fix.description)}"


def _from_gaps(records: Records) -> Iterator[NextStep]:
    """Steps for what the record leaves open, the most useful first."""
    if not records.facts:
        yield _step(
            "Ask the person who reported it for the exact symptom and error text, who and what is affected, since when,"
            " and what changed last; no fact is recorded."
        )
    for fact, left_open in _loose_ends(records):
        yield _step(f"Settle what is still open: {sentence(left_open)}", fact.id)
    if (script := script_to_read(records)) is not None:
        yield _step(
            f"Establish whether the generated script {quoted(script.name)} was run, and record what it showed.",
            script.id,
        )
    if records.facts and not any(fact.is_check for fact in records.facts):
        yield _step("Confirm what was told by a first diagnostic check; none is recorded.", records.facts[-1].id)


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


def _advice(domain: str | None) -> str | None:
    """The advice for a problem domain; None for one whose words name no domain of `_ADVICE`, or several."""
    said = set(_NOT_LETTERS.split(clean(domain or "").casefold()))
    named = [advice for names, advice in _ADVICE.items() if not said.isdisjoint(names.split())]
    return named[0] if len(named) == 1 else None


def _ruled_out(records: Records) -> NextStep | None:
    """A line that names failed fixes, so that nobody repeats them. The first step names the active one."""
    failed = [fix for fix in records.fixes if fix.status is FixStatus.APPLIED_FAILED and not fix.active]
    if not failed:
        return None
    titles = list(dict.fromkeys(quoted(fix.title, 80) for fix in failed))
    more = f" and {len(titles) - 3} earlier ones" if len(titles) > 3 else ""
    named = ", ".join(titles[-3:])
    ids = (fix.id for fix in failed)
    return _step(f"Not again as it was, for it did not resolve the issue: {named}{more}.", *ids)


def _step(text: str, *records: str) -> NextStep:
    """A step that rests on these records; without any it rests on the session's description (P1)."""
    return NextStep(text=shorten(text, 600), records=records or ("P1",))
