"""The rules draft: written by code from the record alone, without a model. It is complete and invents nothing.

It quotes the record and says what follows from it: what is awaited, left, failed, unexplained or missing. Advice that
does not come from a record is general (what to compare, what to ask) and names no command, host or setting.
"""

import re
from collections.abc import Iterator, Mapping

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FixRecord, Records
from consumer.domain.text.sanitize import clean, shorten
from consumer.domain.writing import outcome_table, sections
from consumer.domain.writing.draft import Draft, DraftForm, Statement
from consumer.domain.writing.outcome_table import quoted, sentence
from schemas.sessions import FixStatus

_EXCERPT = 200
"""Characters of a quoted text of the record, such as the intake or a fact that replaces a missing description."""

_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_GENERAL = (
    "Reproduce the symptom with an affected user and record the exact error text and time,"
    " so that the next change can be judged against it."
)
_ADVICE: Mapping[str, str] = {
    "network networking vpn dns wifi internet firewall lan wan": (
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
"""A step that tells causes apart, for each problem domain. Each key holds the words that name the domain."""


def draft_by_rules(bundle: Bundle) -> Draft:
    """Writes a draft that passes every check, for any bundle. Never raises."""
    return Draft(
        problem=_problem(bundle.records),
        confirmed=(),
        notes=(),
        hypothesis=_hypothesis(bundle),
        next_steps=_next_steps(bundle),
        form=DraftForm.RULES,
    )


def _problem(records: Records) -> Statement:
    sentences: list[str] = []
    if title := records.title:
        sentences.append(f"The reported problem was: {sentence(title, 160)}")
    if records.problem_summary:
        sentences.append(f"Summary: {sentence(records.problem_summary)}")
    elif records.intake_text:
        sentences.append(f"The intake began: {quoted(records.intake_text, _EXCERPT)}.")
    if not sentences and records.facts:
        sentences.append(
            f"No description was recorded; the first confirmed fact was: {sentence(records.facts[0].text, _EXCERPT)}"
        )
    if records.problem_domain:
        sentences.append(f"It was filed under: {sentence(records.problem_domain, 80)}")
    if records.reason:
        sentences.append(f"It was escalated with the reason: {sentence(records.reason)}")
    return Statement(text=" ".join(sentences) or sections.NO_PROBLEM, records=("P1",))


def _hypothesis(bundle: Bundle) -> Statement:
    fix = bundle.records.active_fix
    if fix is None or not outcome_table.leads(fix):
        return Statement(text="", records=())
    return Statement(text=_described(fix), records=(fix.id,))


def _described(fix: FixRecord) -> str:
    """A sentence with the fix's description; empty where the first next step gives the description already."""
    in_first_step = fix.status is FixStatus.PROPOSED and outcome_table.first_step(fix) is not None
    if not fix.description or in_first_step:
        return ""
    match fix.status:
        case FixStatus.PROPOSED:
            return f"What it proposes: {sentence(fix.description)}"
        case FixStatus.APPLIED_PENDING | FixStatus.APPLIED_PARTIAL:
            return f"What it is: {sentence(fix.description)}"
        case FixStatus.APPLIED_FAILED | FixStatus.APPLIED_SUCCESS | FixStatus.DISMISSED:
            return f"What it was: {sentence(fix.description)}"


def _next_steps(bundle: Bundle) -> tuple[Statement, ...]:
    """Two to four steps. The step that the table demands comes first; general advice is a last resort.

    The fourth place is for what must not be repeated, else for the advice for the problem domain.
    """
    chosen: list[Statement] = []
    advice = _advice(bundle.records.problem_domain)
    for step in (*_from_record(bundle), *_from_gaps(bundle), _step(advice or _GENERAL), _step(_GENERAL)):
        if all(step.text != earlier.text for earlier in chosen):
            chosen.append(step)
    first = chosen[: sections.MOST_STEPS - 1]
    last = _not_again(bundle) or (_step(advice) if advice else None)
    return tuple(first) if last is None or last in first else (*first, last)


def _from_record(bundle: Bundle) -> Iterator[Statement]:
    """Steps that the recorded outcomes leave to be done, the active fix first."""
    active = bundle.records.active_fix
    if (first := outcome_table.first_step(active)) is not None and active is not None:
        yield _step(first, active.id)
    elif active is not None:
        yield _step(_step_on_active(active, bundle), active.id)
    if bundle.records.reason and (active is None or outcome_table.first_step(active) is None):
        yield _step(f"Take up what it was escalated for: {sentence(bundle.records.reason)}", "R1")
    for fix in bundle.records.fixes:
        if not fix.active and fix.status in {FixStatus.APPLIED_PENDING, FixStatus.APPLIED_PARTIAL}:
            yield _step(_step_on_earlier(fix), fix.id)


def _step_on_earlier(fix: FixRecord) -> str:
    """A step about a fix that is not active and has no verdict."""
    if fix.superseded and fix.status is FixStatus.APPLIED_PARTIAL:
        notes = f": {sentence(fix.partial_notes, _EXCERPT)}" if fix.partial_notes else "."
        return f"Decide whether {quoted(fix.title)}, done in part and since superseded, is completed or undone{notes}"
    if fix.status is FixStatus.APPLIED_PENDING:
        awaited = sentence(fix.pending_reason or "not recorded", _EXCERPT)
        return f"Confirm whether the earlier fix {quoted(fix.title)} held; awaited: {awaited}"
    return outcome_table.first_step(fix) or ""


def _step_on_active(fix: FixRecord, bundle: Bundle) -> str:
    """A step about an active fix for which the table demands no first step."""
    title = quoted(fix.title)
    match fix.status:
        case FixStatus.APPLIED_SUCCESS:
            return f"Establish what remains after {title}: which exact symptom, and since when."
        case FixStatus.DISMISSED:
            where = ", from what the facts leave open" if bundle.records.facts else ""
            return f"Find another way than {title}, which was set aside{where}."
        case _:
            step = f"Test the premise of {title} ({fix.confidence_pct}% confidence, not applied) before applying it"
            if not fix.description or outcome_table.leads(fix):  # the hypothesis describes a fix that leads
                return f"{step}."
            return f"{step}; what it proposes: {sentence(fix.description)}"


def _from_gaps(bundle: Bundle) -> Iterator[Statement]:
    """Steps for what the record leaves open, the most useful first."""
    scripts = bundle.records.unread_scripts
    if not bundle.records.facts:
        yield _step(
            "Ask the person who reported it for the exact symptom and error text, who and what is affected, since when,"
            " and what changed last; no fact is recorded."
        )
    if scripts:
        script = scripts[-1]
        yield _step(
            f"Establish whether the generated script {quoted(script.name)} was run, and record what it showed.",
            script.id,
        )
    if not bundle.records.facts:
        return
    newest = bundle.records.facts[-1]
    finding = sentence(newest.text, _EXCERPT)
    if newest.is_check:
        yield _step(f"Go on from the latest check: {finding}", newest.id)
    elif any(fact.is_check for fact in bundle.records.facts):
        yield _step(f"Go on from what was confirmed last: {finding}", newest.id)
    else:
        yield _step(f"Confirm by a first diagnostic check, none is recorded: {finding}", newest.id)


def _advice(domain: str | None) -> str | None:
    """The advice for a problem domain; None for a domain that `_ADVICE` does not name."""
    domain_words = set(_NOT_LETTERS.split(clean(domain or "").casefold()))
    return next((advice for names, advice in _ADVICE.items() if not domain_words.isdisjoint(names.split())), None)


def _not_again(bundle: Bundle) -> Statement | None:
    """A step that names failed fixes, so that nobody repeats them. The first step names the active one."""
    failed = [fix for fix in bundle.records.fixes if fix.status is FixStatus.APPLIED_FAILED and not fix.active]
    if not failed:
        return None
    titles = list(dict.fromkeys(quoted(fix.title, 80) for fix in failed))
    more = f" and {len(titles) - 3} earlier ones" if len(titles) > 3 else ""
    named = ", ".join(titles[-3:])
    return _step(
        f"Do not repeat {named}{more}: applied before, did not resolve the issue.", *(fix.id for fix in failed)
    )


def _step(text: str, *records: str) -> Statement:
    """A step that rests on these records; without any it rests on the session's description (P1)."""
    return Statement(text=shorten(text, 600), records=records or ("P1",))
