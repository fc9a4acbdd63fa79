"""The demo's sample sessions and the golden sessions: valid by the published language, and complete in what they show.

The tests read what a session shows without the service's fold, so that neither can hide the other's mistake.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

from consumer.cli.demo.samples import read_samples
from schemas.envelope import DEFAULT_TENANT, Envelope, Received
from schemas.escalations import ESCALATION_TYPES
from schemas.sessions import DIAGNOSTIC_CHECK, SESSION_TYPES
from schemas.topics import REQUESTS, SESSIONS

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "consumer" / "cli" / "samples"
GOLDEN = ROOT / "tests" / "golden" / "sessions"
DEMO_FILES = sorted(DEMO.glob("*.jsonl"))
GOLDEN_FILES = sorted(GOLDEN.glob("*.jsonl"))
FILES = DEMO_FILES + GOLDEN_FILES

OUTCOMES = ("none", "high", "middle", "low", "failed", "partial", "pending", "success", "dismissed")
"""What the active fix can show: none, a proposal over 80 %, from 60 to 80 % or under 60 %, or its recorded outcome."""
TYPES: dict[str, Mapping[str, type[Received]]] = {SESSIONS: SESSION_TYPES, REQUESTS: ESCALATION_TYPES}
RESERVED_ADDRESSES = re.compile(
    r"^(10|127)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^169\.254\.|^(192\.0\.2|198\.51\.100|203\.0\.113)\."
)
PUBLIC_RESOLVERS = {"1.1.1.1", "9.9.9.9"}
MAX_SECONDS = 15.0  # the demo is over in under 30 s, servers and packages included

Value = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one session shows."""

    outcome: str
    facts: int
    has_scripts: bool
    has_superseded_applied: bool
    statuses: frozenset[str]
    """Every status that any of its fixes ever had."""


def records(path: Path) -> list[Value]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def key_of(value: Value) -> Key:
    return value.get("tenantid", DEFAULT_TENANT), value["subject"]


def values(paths: Iterable[Path], topic: str) -> list[Value]:
    return [record["value"] for path in paths for record in records(path) if record["topic"] == topic]


def sessions(paths: Iterable[Path]) -> dict[Key, list[Value]]:
    """The events of each session without repeats, by version."""
    by_version: dict[Key, dict[int, Value]] = {}
    for value in values(paths, SESSIONS):
        by_version.setdefault(key_of(value), {})[value["stateversion"]] = value
    return {key: [events[version] for version in sorted(events)] for key, events in by_version.items()}


def outcome_of(fix: Value | None) -> str:
    if fix is None:
        return "none"
    if fix["status"] != "proposed":
        return str(fix["status"]).removeprefix("applied_")
    return "high" if fix["confidence_pct"] > 80 else "middle" if fix["confidence_pct"] >= 60 else "low"


def shown(events: Iterable[Value]) -> Shown:
    facts: set[str] = set()
    fixes: dict[str, Value] = {}
    scripts: set[str] = set()
    statuses: set[str] = set()
    for event in events:
        data = event["data"]
        match event["type"]:
            case "session.fact_recorded.v1":
                facts.add(data["fact_id"])
            case "session.fact_retracted.v1":
                facts.remove(data["fact_id"])
            case "session.fix_suggested.v1":
                fixes[data["fix_id"]] = {"status": "proposed", "superseded": False, **data}
            case "session.fix_superseded.v1":
                fixes[data["fix_id"]]["superseded"] = True
            case "session.fix_outcome_recorded.v1":
                fixes[data["fix_id"]] |= data
            case "session.script_generated.v1":
                scripts.add(data["generation_id"])
            case "session.snapshot.v1":
                facts = {row["fact_id"] for row in data["facts"]}
                fixes = {row["fix_id"]: {"status": "proposed", "superseded": False, **row} for row in data["fixes"]}
                scripts = {row["generation_id"] for row in data["scripts"]}
        statuses |= {fix["status"] for fix in fixes.values()}
    live = [fix for fix in fixes.values() if not fix["superseded"]]
    return Shown(
        outcome=outcome_of(live[-1] if live else None),
        facts=len(facts),
        has_scripts=bool(scripts),
        has_superseded_applied=any(f["superseded"] and f["status"].startswith("applied_") for f in fixes.values()),
        statuses=frozenset(statuses),
    )


def demo_shows() -> dict[Key, Shown]:
    return {key: shown(events) for key, events in sessions(DEMO_FILES).items()}


# --- every file


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_valid_by_the_published_language(path: Path) -> None:
    lines = records(path)
    assert lines
    for record in lines:
        assert set(record) <= {"topic", "key", "value", "at_seconds", "after_package"}
        envelope = Envelope.model_validate(record["value"])
        assert envelope.subject == record["key"]
        assert (envelope.stateversion is not None) == (record["topic"] == SESSIONS)
        TYPES[record["topic"]][envelope.type].model_validate(envelope.data)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_field_is_misspelt(path: Path) -> None:
    """Intake ignores unknown fields, so a misspelt field would pass as an absent one."""
    for record in records(path):
        value = record["value"]
        assert set(value["data"]) <= set(TYPES[record["topic"]][value["type"]].model_fields)
        assert set(value) <= set(Envelope.model_fields)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_equal_versions_are_the_same_event_and_time_follows_the_version(path: Path) -> None:
    seen: dict[tuple[Key, int], Value] = {}
    for value in values([path], SESSIONS):
        assert seen.setdefault((key_of(value), value["stateversion"]), value) == value
    for events in sessions([path]).values():
        for earlier, later in pairwise(events):
            assert datetime.fromisoformat(earlier["time"]) < datetime.fromisoformat(later["time"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_outcomes_and_revisions_name_what_was_recorded(path: Path) -> None:
    for events in sessions([path]).values():
        known: set[str] = set()
        for event in events:
            data = event["data"]
            if event["type"] in ("session.fact_recorded.v1", "session.fix_suggested.v1"):
                known.add(data.get("fact_id") or data["fix_id"])
            elif not event["type"].startswith(("session.snapshot", "session.script")):
                assert {data[name] for name in ("fact_id", "fix_id") if name in data} <= known


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_session_is_escalated(path: Path) -> None:
    requested = {key_of(v) for v in values([path], REQUESTS) if v["type"] == "escalation.requested.v1"}
    assert set(sessions([path])) <= requested


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_texts_name_no_real_address_or_domain(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for address in re.findall(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", text):
        assert RESERVED_ADDRESSES.match(address) or address in PUBLIC_RESOLVERS, address
    for domain in re.findall(r"@([\w-]+(?:\.[\w-]+)+)", text):
        assert domain.endswith(".example"), domain


def test_no_id_is_used_twice() -> None:
    events = {json.dumps(value, sort_keys=True): value["id"] for value in values(FILES, SESSIONS)}
    assert len(set(events.values())) == len(events)
    requests = [v for v in values(FILES, REQUESTS) if v["type"] == "escalation.requested.v1"]
    distinct = {json.dumps(value, sort_keys=True) for value in requests}
    assert len({value["data"]["request_id"] for value in requests}) == len(distinct)


def test_demo_and_golden_sessions_are_different_sets() -> None:
    assert not set(sessions(DEMO_FILES)) & set(sessions(GOLDEN_FILES))


# --- the demo


def test_the_demo_has_a_dozen_sessions_and_is_short() -> None:
    assert 12 <= len(DEMO_FILES) <= 14
    for path in DEMO_FILES:
        hints = [record["at_seconds"] for record in records(path)]
        assert hints == sorted(hints)
        assert max(hints) <= MAX_SECONDS


def test_the_demo_shows_every_outcome_as_the_active_fix() -> None:
    assert {session.outcome for session in demo_shows().values()} == set(OUTCOMES)


def test_the_demo_shows_a_superseded_applied_fix() -> None:
    assert any(session.has_superseded_applied for session in demo_shows().values())


def test_the_demo_shows_every_session_type_but_the_erasure() -> None:
    assert {v["type"] for v in values(DEMO_FILES, SESSIONS)} == set(SESSION_TYPES) - {"session.erased.v1"}


def test_a_pending_reason_is_updated() -> None:
    reasons: dict[str, list[str]] = {}
    for value in values(DEMO_FILES, SESSIONS):
        if value["data"].get("status") == "applied_pending":
            reasons.setdefault(value["data"]["fix_id"], []).append(value["data"]["pending_reason"])
    assert any(len(set(texts)) > 1 for texts in reasons.values())


def test_one_session_is_empty() -> None:
    assert any(events[0]["data"] == {} and len(events) == 1 for events in sessions(DEMO_FILES).values())


def test_one_session_has_120_events() -> None:
    events = next(iter(sessions([DEMO / "04-backup-copy-120-events.jsonl"]).values()))
    assert len(events) == 120
    texts = [event["data"]["text"] for event in events if event["type"] == "session.fact_recorded.v1"]
    assert len(set(texts)) == len(texts)


def test_one_session_was_never_heard_of() -> None:
    known = set(sessions(DEMO_FILES))
    unheard = [v for v in values(DEMO_FILES, REQUESTS) if key_of(v) not in known]
    assert [value["data"]["deadline_seconds"] for value in unheard] == [10]


def test_one_request_is_cancelled_while_it_waits_and_one_after_its_package() -> None:
    requested = {v["data"]["request_id"]: v for v in values(DEMO_FILES, REQUESTS) if v["type"].endswith("requested.v1")}
    newest = {key: events[-1]["stateversion"] for key, events in sessions(DEMO_FILES).items()}
    cancelled = [v for v in values(DEMO_FILES, REQUESTS) if v["type"] == "escalation.cancelled.v1"]
    waits = [requested[v["data"]["request_id"]]["data"]["state_version"] > newest[key_of(v)] for v in cancelled]
    assert sorted(waits) == [False, True]


def test_one_session_arrives_late_and_its_request_before_its_newest_event() -> None:
    lines = records(DEMO / "07-warehouse-wifi-late-events.jsonl")
    versions = [line["value"].get("stateversion") for line in lines]
    request = versions.index(None)
    arrived = [version for version in versions if version is not None]
    assert arrived != sorted(arrived)
    assert lines[request]["value"]["data"]["state_version"] == versions[-1] == max(arrived)
    assert request < len(versions) - 1


def test_one_session_arrives_twice() -> None:
    lines = [json.dumps(r["value"]) for r in records(DEMO / "05-accounting-migration-partial-sent-twice.jsonl")]
    assert len(lines) > len(set(lines))
    request = [line for line in lines if "escalation.requested" in line]
    assert len(request) > len(set(request)) == 1


def test_one_session_id_belongs_to_two_tenants() -> None:
    tenants: dict[str, set[str]] = {}
    for tenant, session in sessions(DEMO_FILES):
        tenants.setdefault(session, set()).add(tenant)
    assert sorted(len(owners) for owners in tenants.values())[-2:] == [1, 2]


def test_passwords_are_planted_in_marked_parameters_and_in_texts() -> None:
    """Planted secrets end in `!demo` (or begin with `demo-token-`), so that a run can be searched for them."""
    events = next(iter(sessions([DEMO / "06-service-account-passwords.jsonl"]).values()))
    planted = re.compile(r"[A-Za-z]+-[\w-]+!demo|demo-token-\w+")
    in_parameters, in_texts = set(), set()
    for event in events:
        data = event["data"]
        if event["type"] != "session.script_generated.v1":
            in_texts |= set(planted.findall(json.dumps(data)))
            continue
        for row in data["template"]["parameters_schema"]["parameters"]:
            matches = planted.findall(json.dumps(data["parameters_used"].get(row.get("variable_name", row["key"]))))
            assert bool(matches) == (row["field_type"] == "password" or row.get("sensitive") is True)
            in_parameters |= set(matches)
    assert len(in_parameters) >= 3
    assert in_parameters & in_texts, "one is known from a parameter and stands in a text as well"
    assert in_texts - in_parameters, "one is known from its text alone"


def test_requests_differ_in_priority_and_in_what_they_saw() -> None:
    requests = [v["data"] for v in values(DEMO_FILES, REQUESTS) if v["type"] == "escalation.requested.v1"]
    assert {data.get("priority") for data in requests} >= {None, 1, 2, 3, 4}
    assert {"state_version" in data for data in requests} == {True, False}


def test_tickets_come_from_every_system_and_from_none() -> None:
    opened = [v["data"] for v in values(DEMO_FILES, SESSIONS) if v["type"] == "session.opened.v1"]
    systems = {(data.get("psa_ticket") or {}).get("system") for data in opened}
    assert systems == {"connectwise", "autotask", "halopsa", None}


# --- the golden sessions


def test_there_are_at_least_forty_golden_sessions_one_a_file() -> None:
    assert len(GOLDEN_FILES) >= 40
    for path in GOLDEN_FILES:
        assert len(sessions([path])) == 1


def test_the_golden_sessions_cover_each_outcome_with_every_shape_around_it() -> None:
    covered: set[tuple[str, str, object]] = set()
    for events in sessions(GOLDEN_FILES).values():
        session = shown(events)
        covered |= {
            (session.outcome, "facts", min(session.facts, 2)),
            (session.outcome, "scripts", session.has_scripts),
            (session.outcome, "superseded", session.has_superseded_applied),
        }
    shapes: list[tuple[str, object]] = [("facts", n) for n in range(3)]
    shapes += [(name, flag) for name in ("scripts", "superseded") for flag in (True, False)]
    wanted = {(outcome, *shape) for outcome, shape in product(OUTCOMES, shapes)}
    assert sorted(wanted - covered, key=str) == []


def test_the_golden_sessions_vary_in_form() -> None:
    facts = [v["data"] for v in values(GOLDEN_FILES, SESSIONS) if v["type"] == "session.fact_recorded.v1"]
    assert sum("\n" in data["text"] for data in facts) >= 5
    assert {DIAGNOSTIC_CHECK, "user_report", "engineer_note", "script_output"} <= {
        data["source_type"] for data in facts
    }
    opened = [v["data"] for v in values(GOLDEN_FILES, SESSIONS) if v["type"] == "session.opened.v1"]
    assert any(len(data.get("intake_text") or "") > 700 for data in opened)


def test_no_two_requests_of_the_demo_have_one_name() -> None:
    titles = list(read_samples().titles.values())
    assert len(titles) == len(set(titles)) > 12
