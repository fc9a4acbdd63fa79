"""Finds what a statement claims about outcomes, and decides whether a record says the same.

A claim is a clause which says that something is over (resolved, fixed, verified, working again), failed, or applied.
There is no claim in a clause that denies this, makes it a condition or asks for it ("not verified", "whether it was
fixed", "verify that it works again"), nor in words of a technical sense ("resolved to an address", "a fixed address").
"""

import re
from collections.abc import Iterator
from itertools import chain

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord, FixRecord
from consumer.domain.text import words
from schemas.sessions import FixStatus

_SENTENCE = re.compile(r"(?<=[.!?;…])\s+|\n+")
_CLAUSE = re.compile(r"[,;:()—–]|\s-\s|\b(?:but|although|though|however|while|whereas)\b", re.IGNORECASE)  # noqa: RUF001
_OVER = r"(?:resolved|fixed|solved|remedied|remediated|rectified|cured|sorted\s+out)"
_MATTER = (
    r"(?:issues?|problems?|incidents?|tickets?|cases?|symptoms?|faults?|outages?|errors?|troubles?|situation|matter"
    r"|everything|escalation)"
)
_BEING = (
    r"(?:(?:is|are|was|were|be|been|being|has|have|had|got|now|already|since|fully|completely|finally|all|also)\s+)"
)

_MATTER_IS_OVER = re.compile(
    rf"""
      \b(?:{_MATTER}|cause)\s+{_BEING}{{1,4}}
      (?:{_OVER}|closed|cleared|corrected|repaired|eliminated|gone|over|verified|addressed|removed|history|taken\s+care)\b
    | \b{_MATTER}\s+(?:{_OVER}|closed|cleared(?:\s+up)?)(?=\s*(?:[.!;,]|$))
    | \b(?:took|taken)\s+care\s+of\b | \b(?:did|does)\s+the\s+trick\b | \bthat\s+(?:has\s+)?d(?:id|one)\s+it\b
    | \bno\s+(?:open\s+|further\s+)?{_MATTER}\s+(?:remains?|persists?|(?:is|are|was|were)\s+left)\b
    | \bnothing\s+(?:is\s+|was\s+)?left\s+to\s+do\b
    | \b(?:{_OVER}|eliminated|cleared|closed)\s+(?:the|this|that|these|those|all|both|their|his|her|its|our)?\s*
      (?:\w+\s+){{0,3}}?{_MATTER}\b
    | \b{_MATTER}\s+(?:has\s+|have\s+|had\s+)?(?:gone\s+away|went\s+away|disappeared|stopped|ceased|vanished)\b
    | \b{_MATTER}\s+(?:\w+\s+)?no\s+longer\b
    | \bno\s+further\s+(?:action|steps?|work)\b | \bnothing\s+(?:more|else|further)\s+(?:to\s+do|is\s+needed|remains)\b
    | \b(?:ticket|case|incident|session|issue|escalation)\s+(?:can|may|could|should|must)\s+(?:now\s+)?be\s+closed\b
    | \b(?:close|closing|mark\s+(?:it|this|the\s+\w+)?\s*as\s+(?:resolved|closed|fixed|solved|done))
      (?:\s+(?:the|this)\s+(?:ticket|case|incident|session|issue))\b
    | \bmark(?:ed)?\s+(?:\w+\s+){{0,3}}?as\s+(?:resolved|closed|fixed|solved|done|verified)\b
    | \b(?:status|resolution|outcome)\s*[:=]\s*(?:resolved|closed|fixed|solved|verified|done|applied_success)\b
    | \ball\s+(?:clear|good|done|systems\s+(?:go|operational))\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FIX_HELD = re.compile(
    rf"""
      \b(?:fix|change|solution|workaround|patch|remedy|repair|correction|it|this|that)\s+{_BEING}{{0,3}}
      (?:worked|successful|effective|validated|verified|confirmed|held|helped|{_OVER})\b
    | \bsuccessfully\s+(?:resolved|fixed|solved|verified|remediated|repaired|restored)\b
    | \bconfirmed\s+(?:as\s+|to\s+be\s+|it\s+(?:is\s+|was\s+)?)?
      (?:working|resolved|fixed|solved|effective|successful|stable)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WORKS = re.compile(
    r"""
      \b(?:works?|worked|working|operational|functional|functioning|running|restored|prints?|opens?|connects?|stable)\s+
      (?:again|as\s+expected|normally|properly|correctly|fine|now)\b
    | \bback\s+(?:to\s+normal|online|up|in\s+service)\b | \bup\s+and\s+running\b
    | \bno\s+longer\s+(?:occurs?|happens?|appears?|fails?|affects?|present|reproduc\w+|an?\s+(?:issue|problem))\b
    | \b(?:is|are|was|were|been)\s+(?:fully\s+|now\s+)?
      (?:restored\b(?!\s+(?:from|to|in|into|on|onto|as|by|at)\b)|repaired\b)
    | \b(?:service|access|mail(?:\s+flow)?|connection|connectivity|network|line|circuit|internet|sign-in)\s+
      (?:(?:is|are|was|were)|(?:has\s+|have\s+)?c[ao]me)\s+back\b
    | \b(?:healthy|reachable|responsive|available|accessible|usable|online)\s+again\b
    | \bcan\s+(?:\w+(?:\s|-)){1,4}again\b
    | \b(?:it|this|that|everything)\s+is\s+(?:now\s+)?(?:working|fine|in\s+order|ok(?:ay)?)\b | \beverything\s+works\b
    | \bnow\s+(?:works?|opens?|prints?|connects?|starts?|runs?|delivers?|responds?|resolves?)\b
    | \b(?:prompt|message|warning|alert|pop-?up|delay|alarm|crash|freeze|disconnect)(?:s|es)?\s+
      (?:(?:is|are|was|were|has|have)\s+)?(?:been\s+)?(?:gone|stopped|disappeared|cleared|vanished)\b
    | \b(?:has|have|had)\s+(?:fully\s+)?recovered\b
    | \b(?:was|is|were|proved|been)\s+(?:a\s+(?:full\s+|complete\s+)?success|successful)\b | \bsucceeded\b
    | \bconfirmed\s+(?:that\s+)?(?:\w+\s+){0,4}?
      (?:works?|opens?|prints?|connects?|signs?\s+in|without|(?:is|are)\s+(?:ok|fine|gone)|the\s+fix|success)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_BARE = re.compile(rf"\b(?:{_OVER}|verified)\b", re.IGNORECASE)
_VERIFIED = re.compile(r"\bverified\b", re.IGNORECASE)
_TECHNICAL = re.compile(
    r"""
      \bresolved\s+to\s+(?:\S*[\d.:]|(?:an?|the)\s+(?:same|old|new|wrong|right|public|private|internal|external|address))
    | \bresolved\s+(?:via|through|against|externally|internally|in\s+dns)\b
    | \b(?:names?|hosts?|hostnames?|dns|fqdns?|address(?:es)?|records?|domains?|aliases|quer(?:y|ies)|lookups?)\s+
      (?:(?!and\b)\w+\s+){0,2}?resolved\b
    | \bfixed\s+(?:ip|address|disk|drive|size|width|line|mtu|schedule|time|value|rate|port|length|asset|lens)\b
    | \bverified\s+(?:publisher|sender|domain|boot)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""The same words in a technical sense, which they never have beside a word for the case itself (`_MATTER`)."""
_DENIED = re.compile(
    r"\b(?:not(?!\s+only)|never|no(?!\s+(?:doubt|question|longer))|none|nobody|nothing|cannot|neither|nor|without(?!\s+doubt)"
    r"|un(?:able|til|less)|yet\s+to|awaiting|pending|partly|partially|before|to\s+be|remains?\s+to|should|must|can|could"
    r"|would|will|may|might|needs?|hopes?|expect\w*|supposed|claim\w*|assum\w+)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_SAYS_SO = re.compile(
    r"\b(?:no\s+(?:longer|further|open)|no(?=\s+\w+\s+(?:remain|persist|is\s|are\s|was\s|were\s))|nothing|can)\b",
    re.IGNORECASE,
)
"""Words of denial that are part of a claim: "no longer", "nothing is left to do", "can sign in again"."""
_CONDITION = re.compile(r"\b(?:whether|if|unless|until|in\s+case|provided|so\s+that)\b", re.IGNORECASE)
_TIME = re.compile(r"\b(?:once|when|after|as\s+soon\s+as)\b", re.IGNORECASE)
_PAST = re.compile(r"\b(?:was|were|has|have|had|got)\b", re.IGNORECASE)
_ASKED = re.compile(
    r"\b(?:confirm|verify|check|ensure|make\s+sure|test|see|establish|determine|ask|validate|prove)\b", re.IGNORECASE
)
_FIX_FAILED = re.compile(
    r"\b(?:the|this|that|latest|active|last)\s+(?:\w+\s+)?(?:fix|change|workaround|solution|attempt|remedy)\b[^.;]{0,40}?"
    r"\b(?:failed|did\s+not\s+(?:work|help|resolve|hold|fix)|had\s+no\s+effect|was\s+ineffective|made\s+no\s+difference)\b",
    re.IGNORECASE,
)
_FIX_APPLIED = re.compile(
    r"\b(?:fix|change|workaround|solution|remedy|it|this)\s+(?:was|is|has\s+been|had\s+been)\s+(?:already\s+)?"
    r"(?:applied|implemented|deployed|installed|rolled\s+out|carried\s+out|in\s+place|made)\b",
    re.IGNORECASE,
)
_APPLIED_WORD = re.compile(
    r"\b(?:was|has\s+been|had\s+been|were)\s+(?:already\s+)?(?:applied|implemented|done|completed|deployed)\b",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"\b(?:again|once\s+more|re-?(?:try|apply|do|run|peat|attempt)\w*|repeat|another\s+time|second\s+time)\b",
    re.IGNORECASE,
)
_NOT_ASKED = re.compile(
    r"\b(?:not|don['\u2019]t|no|instead\s+of|other\s+than|rather\s+than|avoid\w*|never|beyond|different\s+from|unlike|without|before"
    r"|after|why|since|whether|how|what|when|last|previous|earlier|first|log|logs|logged)\b",
    re.IGNORECASE,
)
"""Before the words of a fix, these show that a step mentions the fix and does not ask for it."""
_KNOWN_TO_FAIL = re.compile(
    r"\b(?:did\s+not|didn['\u2019]t|has\s+not|failed|already|in\s+vain|no\s+effect|was\s+(?:tried|applied|done))\b",
    re.IGNORECASE,
)
"""In a sentence about a fix, these show that the step knows how the fix ended."""
_DOING = re.compile(
    r"\b(?:try|perform|carry\s+out|do|run|apply|execute|attempt|consider|proceed\s+with|schedule|arrange"
    r"|(?:have|let)\s+(?!a\s|another\s))\b",
    re.IGNORECASE,
)
_ORDERS = re.compile(rf"{_CLAUSE.pattern}|\band\b|\bthen\b", re.IGNORECASE)
_TO_BE_TAKEN_UP = frozenset({FixStatus.PROPOSED, FixStatus.APPLIED_PARTIAL, FixStatus.APPLIED_PENDING})
_UNDONE = re.compile(r"\b(?:rolled\s+back|reverted|undone|backed\s+out|uninstalled\s+again)\b", re.IGNORECASE)


def closures(text: str, records: frozenset[str], bundle: Bundle, *, asks: bool) -> Iterator[str]:
    """Yields the claims that something is over where no record says so.

    `asks` is true for a next step, which asks where it says "verify that …". `records` are the cited ids; without any
    id all facts and fixes count.
    """
    for sentence in _sentences(text):
        masked = _TECHNICAL.sub(lambda match: "·" * len(match[0]), sentence)
        for pattern in (_MATTER_IS_OVER, _FIX_HELD, _WORKS, _BARE):
            searched = sentence if pattern is _MATTER_IS_OVER else masked
            claim = next((match for match in pattern.finditer(searched) if _claims(searched, match, asks=asks)), None)
            if claim is None:
                continue
            if not (_succeeded(sentence, records, bundle) or _recorded(pattern, sentence, records, bundle)):
                yield sentence[claim.start() : claim.end()]
                break


def false_outcomes(text: str, bundle: Bundle) -> Iterator[str]:
    """Yields the claims that a fix failed, was applied or was undone where no record says so."""
    recorded = {fix.status for fix in bundle.records.fixes}
    active = bundle.records.active_fix
    for sentence in _sentences(text):
        if not recorded & {FixStatus.APPLIED_FAILED, FixStatus.APPLIED_PARTIAL}:
            yield from _claimed(_FIX_FAILED, sentence)
        if not any(status.is_applied for status in recorded):
            yield from _claimed(_FIX_APPLIED, sentence)
        if active is not None and not active.status.is_applied and words.share(active.title, sentence) >= 0.6:
            yield from _claimed(_APPLIED_WORD, sentence)
        if not any(_UNDONE.search(recorded_text) for recorded_text in _all_texts(bundle)):
            yield from _claimed(_UNDONE, sentence)


def repeats(step: str, fix: FixRecord, active: FixRecord | None) -> bool:
    """Whether a step asks for a fix again as if it were new.

    It does if it holds most of the fix's title as an order ("replace …", "try to …"), or enough of it with "again". A
    step that mentions the fix otherwise ("find out why …", "instead of …", "… did not help") does not. Nor does a step
    that takes up the active fix, as the contract's table demands, however similar the titles of the two fixes are.
    """
    if active is not None and active.status in _TO_BE_TAKEN_UP and _is_about(active, step, fix):
        return False
    return any(_repeats(sentence, fix) for sentence in _sentences(step) if not _KNOWN_TO_FAIL.search(sentence))


def _repeats(sentence: str, fix: FixRecord) -> bool:
    ordered, overlap = words.in_order(fix.title)[:1], words.share(fix.title, sentence)
    for clause in _ORDERS.split(sentence):
        stems = words.in_order(clause)
        done = bool(ordered) and (
            ordered[0] in stems[:2] or (ordered[0] in stems and _DOING.search(clause) is not None)
        )
        again = overlap >= 0.4 and _AGAIN.search(clause) is not None
        if ((overlap >= 0.6 and done) or again) and not _NOT_ASKED.search(_until(ordered, clause)):
            return True
    return False


def _until(stems: list[str], clause: str) -> str:
    """The part of a clause before the first word with one of these stems; the whole clause if it has no such word."""
    first = next((word for word in re.finditer(r"[^\W_]+", clause) if words.stem(word[0]) in stems), None)
    return clause if first is None else clause[: first.start()]


def _is_about(fix: FixRecord, step: str, rival: FixRecord) -> bool:
    """Whether a step has a word that only this fix's title has, if there is one, and none that only the rival's has."""
    used, own, rivals = words.content(step), words.content(fix.title), words.content(rival.title)
    return not (rivals - own) & used and (own <= rivals or bool((own - rivals) & used))


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE.split(text) if sentence]


def _claims(sentence: str, match: re.Match[str], *, asks: bool) -> bool:
    """Whether a match is a claim: neither denied, nor a condition, nor asked for."""
    before = sentence[: match.start()]
    clause = _CLAUSE.split(before)[-1]
    if _DENIED.search(clause) or _DENIED.search(_SAYS_SO.sub("", match[0])):
        return _is_final(match[0])
    if _CONDITION.search(before) or (
        _TIME.search(clause) and not _PAST.search(sentence[len(before) - len(clause) : match.end()])
    ):
        return False
    return not (asks and _ASKED.search(before))


def _is_final(claim: str) -> bool:
    """Whether a claim closes the case: it counts also with "may", "should" and the like."""
    return (
        re.search(r"\b(?:be\s+closed|no\s+further|nothing\s+(?:more|else|further))\b", claim, re.IGNORECASE) is not None
    )


def _claimed(pattern: re.Pattern[str], sentence: str) -> Iterator[str]:
    for match in pattern.finditer(sentence):
        clause = _CLAUSE.split(sentence[: match.start()])[-1]
        if not _DENIED.search(clause) and not _CONDITION.search(sentence[: match.start()]):
            yield match[0]


def _succeeded(sentence: str, records: frozenset[str], bundle: Bundle) -> bool:
    """Whether the sentence is about a fix that was applied successfully."""
    unproven = (fix for fix in bundle.records.fixes if fix.status is not FixStatus.APPLIED_SUCCESS)
    if any(words.share(fix.title, sentence) >= 0.6 for fix in unproven):
        return False
    proven = [fix for fix in bundle.records.fixes if fix.status is FixStatus.APPLIED_SUCCESS]
    return any(fix.active or fix.id in records or words.share(fix.title, sentence) >= 0.5 for fix in proven)


def _recorded(pattern: re.Pattern[str], sentence: str, records: frozenset[str], bundle: Bundle) -> bool:
    """Whether a cited record says the same of its own subject. Of the case as a whole only an outcome can say it."""
    if pattern is _MATTER_IS_OVER or pattern is _FIX_HELD:
        return False
    cited_facts = [fact for fact in bundle.records.facts if fact.id in records or not records]
    if pattern is _BARE and _VERIFIED.search(sentence) and any(_checked(sentence, fact) for fact in cited_facts):
        return True
    cited_fixes = [fix for fix in bundle.records.fixes if fix.id in records or not records]
    texts = chain((fact.text for fact in cited_facts), chain.from_iterable(fix.texts() for fix in cited_fixes))
    return any(_says_the_same(pattern, sentence, text) for text in texts)


def _checked(sentence: str, fact: FactRecord) -> bool:
    return fact.is_check and words.share(sentence, fact.text) >= 0.4


def _says_the_same(pattern: re.Pattern[str], sentence: str, text: str) -> bool:
    stated = any(pattern.search(part) and _stated(pattern, part) for part in _sentences(text))
    return stated and words.share(sentence, text) >= 0.6


def _stated(pattern: re.Pattern[str], sentence: str) -> bool:
    return any(_claims(sentence, match, asks=False) for match in pattern.finditer(sentence))


def _all_texts(bundle: Bundle) -> Iterator[str]:
    yield from (fact.text for fact in bundle.records.facts)
    for fix in bundle.records.fixes:
        yield from fix.texts()
    yield from filter(None, (bundle.records.problem_summary, bundle.records.intake_text, bundle.records.reason))
