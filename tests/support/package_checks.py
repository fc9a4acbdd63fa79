"""Checks a package against the contract's words and the plain events.

Shares no code with the package writer. A package without a complaint keeps the contract.
"""

import html
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from tests.support.expected import Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a package has to say in a language."""

    headings: tuple[str, ...]
    no_problem: str
    nothing_confirmed: str
    nothing_tried: str
    no_hypothesis: str
    recorded_times: str
    outcomes: Mapping[str, str]
    """Words for each outcome of a fix, in the list of what was tried."""


KEYS = ("problem", "confirmed", "tried", "hypothesis", "next_steps")
LANGUAGES: Mapping[str, Wanted] = {
    "en": Wanted(
        headings=(
            "Problem",
            "What we've confirmed",
            "What we've tried",
            "Current hypothesis",
            "Suggested next steps",
        ),
        no_problem="No problem description was recorded.",
        nothing_confirmed="Nothing confirmed yet.",
        nothing_tried="No diagnostic actions run yet.",
        no_hypothesis="No leading hypothesis yet — symptoms are still being narrowed.",
        recorded_times="(recorded {} times",
        outcomes={
            "applied_failed": "did not resolve the issue",
            "applied_partial": "not complete or not verified",
            "applied_pending": "awaiting verification",
            "applied_success": "applied and verified",
        },
    ),
    "de": Wanted(
        headings=(
            "Problem",
            "Was bestätigt ist",
            "Was versucht wurde",
            "Aktuelle Hypothese",
            "Empfohlene nächste Schritte",
        ),
        no_problem="Es wurde keine Problembeschreibung erfasst.",
        nothing_confirmed="Bisher ist nichts bestätigt.",
        nothing_tried="Bisher wurden keine Diagnoseschritte durchgeführt.",
        no_hypothesis="Noch keine führende Hypothese \u2013 die Symptome werden weiter eingegrenzt.",
        recorded_times="({}-mal erfasst",
        outcomes={
            "applied_failed": "hat das Problem nicht gelöst",
            "applied_partial": "nicht vollständig oder nicht bestätigt",
            "applied_pending": "Bestätigung steht aus",
            "applied_success": "umgesetzt und bestätigt",
        },
    ),
}
"""Written here a second time, so that one slip is not made twice."""
LONGEST = 30_000
LONGEST_QUOTE = 299
_COMPARED = 50
"""So many letters and digits of a text must appear. The rest may be shortened."""
_FORBIDDEN = {
    "an image": re.compile(r"!\[[^\]]*\]\("),
    "a link": re.compile(r"(?<!\\)\]\("),
    "raw HTML": re.compile(r"(?<!\\)<[a-zA-Z/!][^>\n]*>"),
    "a zero-width or bidirectional character": re.compile(
        "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
    ),
    "a control character": re.compile(r"[\x00-\x09\x0b-\x1f\x7f]"),
    "TBD": re.compile(r"\bTBD\b"),
    "an empty bullet": re.compile(r"^\s*[-*]\s*$", re.MULTILINE),
    "three line breaks": re.compile(r"\n\n\n"),
    "a model's name": re.compile(r"claude", re.IGNORECASE),
}
_OTHER_HEADING = re.compile(r"^ {0,3}(?:#{1,6} .*|\S.*\n {0,3}(?:=+|-{3,}) *)$", re.MULTILINE)
_BULLET = re.compile(r"^[-*] (.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a package is checked by."""

    state: Expected
    reason: str | None
    event_count: int
    state_version: int
    actors: Collection[str] = ()
    secrets: Collection[str] = ()
    language: str = "en"

    @property
    def wanted(self) -> Wanted:
        return LANGUAGES[self.language]


def complaints(event: Mapping[str, Any], knowledge: Knowledge) -> list[str]:
    """Every breach of the contract in a published `package_ready` event."""
    data = event["data"]
    return [
        *_fields(event, data, knowledge),
        *_text(data, knowledge.wanted),
        *_sections(data, knowledge),
        *_nothing_foreign(data, knowledge),
    ]


def note_key_of(data: Mapping[str, Any]) -> str:
    return "/".join(quote(data[name], safe="") for name in ("tenant_id", "session_id", "request_id"))


def event_id_of(data: Mapping[str, Any], last: object) -> str:
    return str(uuid5(NAMESPACE_URL, f"escalation-package/{note_key_of(data)}/{last}"))


def identity(event: Mapping[str, Any], last: object, revision: int) -> Iterator[str]:
    """What all three published types have in common; `last` is the last part of the id."""
    data = event["data"]
    if data["note_key"] != note_key_of(data):
        yield f"note_key is {data['note_key']}"
    if event["id"] != event_id_of(data, last):
        yield "the event's id is not the one that the contract derives"
    if not re.fullmatch(rf"\[handoff [0-9a-f]{{6,12}} r{revision}\]", data["marker"]):
        yield f"marker is {data['marker']}"
    if (event["subject"], event["tenantid"]) != (data["session_id"], data["tenant_id"]):
        yield "subject or tenantid differ from the data"
    ticket = data["psa_ticket"]
    if ticket is None:
        wanted = None
    else:
        wanted = f"{'CW' if ticket['system'].casefold() == 'connectwise' else ticket['system']} #{ticket['ticket_id']}"
    if data["target_ticket_ref"] != wanted:
        yield f"target_ticket_ref is {data['target_ticket_ref']}, not {wanted}"


def _fields(event: Mapping[str, Any], data: Mapping[str, Any], knowledge: Knowledge) -> Iterator[str]:  # noqa: C901 - a list
    yield from identity(event, data["revision"], data["revision"])
    if data["package_id"] != event["id"]:
        yield "package_id differs from the event's id"
    if (data["revision"] == 1) != (data["supersedes"] is None):
        yield "supersedes is wrong for this revision"
    if data["revision"] > 1 and data["supersedes"] != event_id_of(data, data["revision"] - 1):
        yield "supersedes is not the previous revision"
    if data["content_sha256"] != sha256(data["markdown"].encode()).hexdigest():
        yield "content_sha256 is not that of the markdown"
    if data.get("language", "en") != knowledge.language:
        yield f"language is {data.get('language')}, not {knowledge.language}"
    if data["audience"] != "internal" or not data["title"].strip() or len(data["title"]) > 100:
        yield "audience or title"
    if (data["cause"] == "replay") != (data["replay_id"] is not None):
        yield "replay_id does not go with the cause"
    if (data["cause"] == "request") != (data["revision"] == 1):
        yield f"revision {data['revision']} has the cause {data['cause']}"
    if (data["status"] == "fallback") != (data["provenance"]["model"] is None):
        yield f"status {data['status']} with the model {data['provenance']['model']}"
    if data["provenance"]["event_count"] != knowledge.event_count:
        yield f"event_count is {data['provenance']['event_count']}, not {knowledge.event_count}"
    if data["state_version"] != knowledge.state_version:
        yield f"state_version is {data['state_version']}, not {knowledge.state_version}"
    asked = data["requested_state_version"]
    if (asked is not None and asked > data["state_version"]) != ("state_behind_request" in data["warnings"]):
        yield f"built from {data['state_version']}, asked for {asked}, warnings {data['warnings']}"
    if _ticket(data["psa_ticket"]) != _ticket(knowledge.state.plain.get("psa_ticket")):
        yield "psa_ticket is not the session's"


def _ticket(ticket: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    names = ("system", "ticket_id", "connection_id", "record_type")
    return None if ticket is None else tuple(str(ticket.get(name)) for name in names)


def _text(data: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:  # noqa: C901 - a list
    markdown = data["markdown"]
    for name, pattern in _FORBIDDEN.items():
        for text in ("markdown", "plain_text", "title"):
            if pattern.search(data[text]):
                yield f"{text} holds {name}"
    if len(markdown) > LONGEST:
        yield f"{len(markdown)} characters"
    if not markdown.endswith("\n") or markdown.endswith("\n\n"):
        yield "does not end in one newline"
    headings = [match[0] for match in _OTHER_HEADING.finditer(markdown)]
    if headings != [f"## {heading}" for heading in wanted.headings]:
        yield f"headings {headings}"
    whole = (
        "\n\n".join(f"## {section['heading']}\n\n{section['markdown'].strip()}" for section in data["sections"]) + "\n"
    )
    if whole != markdown:
        yield "the sections do not make the markdown"
    five = list(zip(KEYS, wanted.headings, strict=True))
    if [(section["key"], section["heading"]) for section in data["sections"]] != five:
        yield "sections[] are not the five"
    plain = data["plain_text"]
    if "## " in plain or "**" in plain:
        yield "plain_text holds markup"
    if _bare(plain) != _bare(markdown):
        yield "plain_text says something else"
    yield from _forms(data)


def _forms(data: Mapping[str, Any]) -> Iterator[str]:
    """Lines and HTML say what the plain text says."""
    lines = [line["text"] for section in data["sections"] for line in section["lines"]]
    if [line.removeprefix("- ") for line in data["plain_text"].split("\n") if line] != [
        text
        for section in data["sections"]
        for text in (section["heading"], *(line["text"] for line in section["lines"]))
    ]:
        yield "the lines are not those of plain_text"
    shown = [html.unescape(text) for text in re.findall(r"^<(?:li|p)>(.*)</(?:li|p)>$", data["html"], re.MULTILINE)]
    if shown != lines or not re.fullmatch(r"(?:</?(?:h2|p|ul|li)>|[^<>])*", data["html"]):
        yield "html says something else, or holds other tags"


def _sections(data: Mapping[str, Any], knowledge: Knowledge) -> Iterator[str]:
    body = {section["key"]: section["markdown"].strip() for section in data["sections"]}
    state, whole, wanted = knowledge.state, "truncated_input" not in data["warnings"], knowledge.wanted
    yield from _problem(body["problem"], knowledge)
    facts = Counter(" ".join(fact["text"].split()) for fact in state.live_facts)
    yield from _list(body["confirmed"], list(facts), wanted.nothing_confirmed, whole, knowledge)
    for times in set(facts.values()) - {1} if whole else ():
        repeated = sum(times == count for count in facts.values())
        if body["confirmed"].count(wanted.recorded_times.format(times)) < repeated:
            yield f"not every fact that was recorded {times} times says so"
    names = [(script.get("template") or {}).get("name", "") for script in state.scripts.values()]
    tried = [*(check["text"] for check in state.checks), *names, *(fix["title"] for fix in state.applied)]
    yield from _list(body["tried"], tried, wanted.nothing_tried, whole, knowledge)
    yield from _fixes(body["tried"], body["hypothesis"], knowledge)
    steps = _bullets(body["next_steps"])
    if not 2 <= len(steps) <= 4 or len(steps) != len(body["next_steps"].splitlines()):
        yield f"{len(steps)} next steps"
        return
    for status, words in wanted.outcomes.items() if whole else ():
        if body["tried"].count(words) < sum(fix["status"] == status for fix in state.applied):
            yield f"not every {status} fix is listed with {words!r}"
    named = _first_step(state.active)
    if named and not _holds_secret(named, knowledge) and _bare(named)[:_COMPARED] not in _bare(steps[0]):
        yield f"the first next step does not name {named[:60]!r}"


def _problem(body: str, knowledge: Knowledge) -> Iterator[str]:
    described = knowledge.state.has_problem or bool((knowledge.reason or "").strip())
    if (body == knowledge.wanted.no_problem) == described:
        yield "the Problem sentinel is wrong"
    if "\n\n" in body or _bullets(body):
        yield "Problem is not one paragraph"


def _list(body: str, texts: list[str], sentinel: str, whole: bool, knowledge: Knowledge) -> Iterator[str]:
    """Demands one bullet per text, and each short text."""
    if not texts:
        if body != sentinel:
            yield f"{body[:60]!r} instead of {sentinel!r}"
        return
    if not whole:
        return
    bullets = _bullets(body)
    if len(bullets) != len(texts):
        yield f"{len(bullets)} bullets for {len(texts)} records: {bullets[0][:60]!r}…"
    together = _bare(body)
    for text in texts:
        if len(text) <= 140 and not _holds_secret(text, knowledge) and _bare(text)[:_COMPARED] not in together:
            yield f"the list lacks {text[:80]!r}"


def _fixes(tried: str, hypothesis: str, knowledge: Knowledge) -> Iterator[str]:
    state = knowledge.state
    named = {
        "applied_pending": "pending_reason",
        "applied_partial": "partial_notes",
        "applied_failed": "failure_reason",
    }
    for fix in state.applied:
        text = fix.get(named.get(fix["status"], "")) or ""
        if text and not _holds_secret(text, knowledge) and _bare(text)[:_COMPARED] not in _bare(tried):
            yield f"what was tried lacks the {named[fix['status']]}"
    applied = {_bare(fix["title"]) for fix in state.applied}
    for fix in state.fixes.values():
        title = _bare(fix["title"])
        hidden = fix["status"] in {"proposed", "dismissed"} and not any(title in other for other in applied)
        others = _bare(" ".join(check["text"] for check in state.checks))
        if hidden and title in _bare(tried) and title not in others:
            yield f"a {fix['status']} fix is listed as tried"
    active = state.active
    leads = active is not None and (active["status"] != "proposed" or _percent(active["confidence_pct"]) >= 60)
    if (hypothesis == knowledge.wanted.no_hypothesis) == leads:
        yield "the Hypothesis sentinel is wrong"
    if active is None or not leads:
        return
    if len(active["title"]) <= 100 and _bare(active["title"])[:_COMPARED] not in _bare(hypothesis):
        yield "the hypothesis does not name the active fix"
    awaited = active.get("pending_reason") or ""
    if active["status"] == "applied_pending" and _bare(awaited)[:_COMPARED] not in _bare(hypothesis):
        yield "the hypothesis does not name what is awaited"


def _first_step(active: Mapping[str, Any] | None) -> str:
    """What the first next step has to name."""
    if active is None:
        return ""
    if active["status"] == "applied_pending":
        return str(active["pending_reason"])
    tried_next = active["status"] == "proposed" and _percent(active["confidence_pct"]) > 80
    return str(active["title"]) if tried_next else ""


def _percent(confidence: float) -> int:
    return int(confidence + 0.5)


def _nothing_foreign(data: Mapping[str, Any], knowledge: Knowledge) -> Iterator[str]:
    state = knowledge.state
    said = data["markdown"] + data["title"]
    inputs = _inputs(state, knowledge.reason)
    for record_id in (*state.facts, *state.fixes, *state.scripts, *knowledge.actors):
        if len(record_id) >= 6 and record_id in said and record_id not in inputs:
            yield "an id or an actor is shown"
    intake = " ".join((state.plain.get("intake_text") or "").split())
    shown = " ".join(data["markdown"].split())
    step = LONGEST_QUOTE + 1
    if any(intake[at : at + step] in shown for at in range(len(intake) - step + 1)):
        yield "300 characters of the intake are quoted"


def _inputs(state: Expected, reason: str | None) -> str:
    records = (*state.facts.values(), *state.fixes.values(), *state.scripts.values())
    texts = [str(value) for record in records for name, value in record.items() if not name.endswith("_id")]
    return "\n".join([*texts, *(str(value) for value in state.plain.values()), reason or ""])


def _holds_secret(text: str, knowledge: Knowledge) -> bool:
    return any(secret in text for secret in knowledge.secrets)


def _bullets(body: str) -> list[str]:
    return [match[1] for line in body.splitlines() if (match := _BULLET.match(line))]


def _bare(text: str) -> str:
    """Letters and digits alone, which markup and escaping do not change."""
    return "".join(each for each in text.casefold() if each.isalnum())
