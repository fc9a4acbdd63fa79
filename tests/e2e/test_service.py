"""The service as a process, from the records on its topics to the events it publishes."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.expected import after
from tests.support.service import EXIT_SECONDS, command
from tests.support.stage import Event, Stage, Story

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "sessions"
PASSWORD = "Kf7-vault-Winter!49"
GOLDEN_PASSWORDS = ("Granite-Otter-23!demo", "Marble-Otter-92!demo", "Orchard-Signal-58!demo", "Pebble-Anchor-64!demo")
"""The golden sessions' passwords."""


def golden_events() -> list[Event]:
    """Events of all golden sessions: every fix outcome and record kind."""
    lines = [line for path in sorted(GOLDEN.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    return [json.loads(line)["value"] for line in lines]


@pytest.mark.parametrize("keyed", [True, False], ids=["model", "rules"])
async def test_every_shape_of_session_becomes_a_package_that_keeps_the_contract(stage: Stage, keyed: bool) -> None:
    events = golden_events()
    await stage.running(keyed=keyed)
    await stage.send(*events)
    await stage.settled()
    packages = (await stage.verdict(secrets=GOLDEN_PASSWORDS)).packages()
    assert {package["status"] for package in packages} == {"ready" if keyed else "fallback"}, _warned(packages)
    assert {package["cause"] for package in packages if package["revision"] == 1} == {"request"}
    assert bool(stage.model.calls) == keyed
    shown = {
        _active_status([event for event in events if event["subject"] == package["session_id"]]) for package in packages
    }
    wanted = {"proposed", "dismissed", "applied_success", "applied_failed", "applied_partial", "applied_pending", None}
    assert shown == wanted, "the sessions do not show every outcome: the test proves less than it says"


def _active_status(events: list[Event]) -> str | None:
    active = after(event for event in events if "stateversion" in event).active
    return None if active is None else str(active["status"])


def _warned(packages: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    return [(package["title"], package["warnings"]) for package in packages if package["status"] != "ready"]


async def test_requests_are_cancelled_withdrawn_repeated_forced_and_kept_apart_by_tenant(stage: Stage) -> None:
    await stage.running(revise_after_seconds="0.2")

    early = Story("cancelled-before-its-request")
    await stage.send(early.opened(), early.cancel())
    late = Story("cancelled-after-its-package")
    twice = Story("asked-twice")
    forced = Story("forced")
    here, there = Story("shared-name", tenant_id="tenant/one"), Story("shared-name", tenant_id="tenant two")
    await stage.send(late.opened(), late.request(state_version=1))
    await stage.send(twice.opened(), twice.request(), twice.request())
    await stage.send(forced.opened(), forced.request("first"))
    await stage.send(here.opened("Only tenant one may read this"), here.request())
    await stage.send(there.opened("Only tenant two may read this"), there.request())
    await stage.published(5)

    await stage.send(early.request(), late.cancel(), twice.request(), forced.request("second", force=True))
    await stage.published(8)
    await stage.send(late.fact("Known only after the cancellation."), forced.request("third"))
    await stage.settled()
    written = await stage.verdict()

    published = [(event["type"], event["data"]) for event in written.published]
    assert _kinds(published, early) == ["escalation.package_withdrawn.v1"]
    assert _kinds(published, late) == ["escalation.package_ready.v1", "escalation.package_withdrawn.v1"]
    (_, taken_back) = next(
        event for event in published if event[0].endswith("withdrawn.v1") and event[1]["revision"] == 1
    )
    assert taken_back["reason"] == "cancelled"
    assert _kinds(published, twice) == ["escalation.package_ready.v1"]
    cached = {
        data["request_id"]: data["from_cache"] for _, data in published if data["session_id"] == forced.session_id
    }
    assert cached == {"first": False, "second": False, "third": True}
    for story, other in (("one", "two"), ("two", "one")):
        (text,) = [data["markdown"] + data["title"] for _, data in published if data["tenant_id"].endswith(story)]
        assert f"tenant {other}" not in text


def _kinds(published: list[tuple[str, dict[str, Any]]], story: Story) -> list[str]:
    return [kind for kind, data in published if data["session_id"] == story.session_id]


async def test_a_change_after_the_package_yields_a_revision_and_an_equal_bundle_none(stage: Stage) -> None:
    await stage.running(revise_after_seconds="2")
    story = Story()
    await stage.send(story.opened(), story.fact(), story.request())
    await stage.published(1)
    await stage.send(story.event("session.closed.v1", {"resolution": "done"}), story.event("session.reopened.v1"))
    await stage.send(story.fix(), story.outcome("applied_pending", pending_reason="the backup of tonight"))
    first, second = await stage.published(2)
    assert (second["revision"], second["cause"], second["supersedes"]) == (2, "state_changed", first["package_id"])
    assert first["marker"].removesuffix("r1]") == second["marker"].removesuffix("r2]")
    await stage.settled()
    assert len((await stage.verdict()).published) == 2


@pytest.mark.failure(18)
async def test_a_session_nobody_knows_and_a_version_that_never_comes_are_answered_in_time(stage: Stage) -> None:
    await stage.running()
    unknown, behind = Story(), Story()
    await stage.send(unknown.request(deadline_seconds=12))
    await stage.send(behind.opened(), behind.request(deadline_seconds=12, state_version=99))
    outcomes = {outcome["session_id"]: outcome for outcome in await stage.published(2)}
    assert outcomes[unknown.session_id]["reason"] == "session_not_found"
    assert outcomes[behind.session_id]["warnings"] == ["state_behind_request"]
    rows = await stage.query(
        "SELECT half_deadline_at, deadline_at, coalesce(first_done_at, ended_at) AS told_at FROM requests"
    )
    assert all(row["half_deadline_at"] <= row["told_at"] <= row["deadline_at"] for row in rows)
    await stage.settled()
    await stage.verdict()


@pytest.mark.failure(18)
@pytest.mark.promise(5)
async def test_a_request_waits_for_its_version_and_is_then_built_from_it(stage: Stage) -> None:
    await stage.running()
    story = Story()
    await stage.send(story.opened(), story.request(state_version=2))
    await asyncio.sleep(1.5)
    assert not (await stage.oracle.read()).published
    await stage.send(story.fact())
    (package,) = await stage.published(1)
    assert (package["state_version"], package["warnings"]) == (2, [])


@pytest.mark.failure(15)
@pytest.mark.promise(11)
async def test_poison_becomes_dead_letters_and_harms_nobody_else(stage: Stage) -> None:
    service = await stage.running()
    story = Story("healthy")
    topic, requests, key = stage.topics.sessions, stage.topics.requests, b"healthy"
    good = story.opened(intake_text="NUL \0 and half a pair \ud800 are in here")
    spoiled = {
        "not JSON": b"{",
        "not UTF-8": b"\xff\xfe\x00",
        "empty": b"",
        "null": None,
        "too large": json.dumps({**good, "data": {"title": "x" * 2_000_000}}).encode(),
        "too deep": json.dumps(good)
        .encode()
        .replace(b'"data": {', b'"data": {"deep": ' + b"[" * 200 + b"]" * 200 + b", "),
        "huge integer": json.dumps({**good, "stateversion": 2**64}).encode(),
        "no version": json.dumps({name: value for name, value in good.items() if name != "stateversion"}).encode(),
        "NUL in an id": json.dumps({**good, "id": "a\0b"}).encode(),
        "pending without a reason": json.dumps(
            story.event("session.fix_outcome_recorded.v1", {"fix_id": "f", "status": "applied_pending"}, version=77)
        ).encode(),
        "of the other topic": json.dumps(story.request("misplaced")).encode(),
    }
    await stage.send_poison(*((topic, key, value, ()) for value in spoiled.values()))
    await stage.send_poison((requests, key, json.dumps({**story.request(), "data": {}}).encode(), ()))
    await stage.send_raw((topic, key, b"\xef\xbb\xbf" + json.dumps(good).encode(), ()))
    rival = {**good, "id": "a rival", "data": {"title": "Too late"}}
    await stage.send(rival, good, story.event("session.of_another_time.v7", {"any": "thing"}), story.request())
    (package,) = await stage.published(1)
    assert package["title"]
    await stage.settled()
    written = await stage.verdict()
    reasons = [dict(letter.headers)["dlq.reason"].decode() for letter in written.dead_letters]
    assert sorted(set(reasons)) == ["invalid", "too_large", "undecodable", "version_conflict"]
    assert reasons.count("version_conflict") == 1
    assert len(reasons) == len(spoiled) + 2
    console = await service.get("/")
    assert console is not None
    assert (console[0], "records were refused in the last day" in console[1]) == (200, True)


@pytest.mark.promise(6)
async def test_a_secret_stops_at_the_door_wherever_it_stands(stage: Stage) -> None:
    service = await stage.running(log_level="DEBUG")
    story = Story()
    schema = {"parameters": [{"key": "account"}, {"key": "pass", "field_type": "password"}]}
    script = {
        "generation_id": "g1",
        "template": {"name": "Reset the account", "slug": "reset", "parameters_schema": schema},
        "parameters_used": {"account": "svc-mail", "pass": PASSWORD},
    }
    await stage.send(
        story.opened(intake_text=f"the user mailed me {PASSWORD} yesterday"),
        story.event("session.script_generated.v1", script),
        story.fact(f"Logging on with {PASSWORD} works."),
        story.request(reason=f"they still use {PASSWORD}"),
    )
    (package,) = await stage.published(1)
    await stage.send_poison(
        (
            stage.topics.sessions,
            story.session_id.encode(),
            json.dumps(story.event("session.fact_recorded.v1", {"text": PASSWORD})).encode(),
            (),
        )
    )
    await stage.settled()
    await service.terminate()
    await stage.verdict(secrets=[PASSWORD])
    assert package["redactions"] == 1


async def test_erasing_a_session_withdraws_its_package_and_leaves_no_word_of_it(stage: Stage) -> None:
    await stage.running()
    story, waiting = Story(), Story()
    words = "peculiar-words-of-this-session"
    await stage.send(story.opened(words, psa_ticket={"system": "halopsa", "ticket_id": "77"}), story.request())
    await stage.send(waiting.opened(words), waiting.request(state_version=50))
    await stage.published(1)
    await stage.send(story.event("session.erased.v1"), waiting.event("session.erased.v1"), story.fact("More of it."))
    await stage.settled()
    written = await stage.verdict()
    outcomes = {(event["data"]["session_id"], event["type"]): event["data"] for event in written.published}
    assert outcomes[story.session_id, "escalation.package_withdrawn.v1"]["reason"] == "session_erased"
    assert outcomes[story.session_id, "escalation.package_withdrawn.v1"]["target_ticket_ref"] == "halopsa #77"
    assert outcomes[waiting.session_id, "escalation.package_failed.v1"]["reason"] == "session_erased"
    assert words not in str(written.tables)


@pytest.mark.failure(39)
async def test_sigterm_under_load_ends_with_0_in_time_and_what_is_left_is_done_later(stage: Stage) -> None:
    stories = [Story(f"s-{number}") for number in range(120)]
    first = await stage.running()
    await stage.send(
        *(event for story in stories for event in (story.opened(f"Case of {story.session_id}"), story.request()))
    )
    await stage.model.called(6)
    ended = await first.terminate()
    assert ended.code == 0
    assert ended.seconds < EXIT_SECONDS
    held = await stage.query("SELECT count(*) AS held FROM requests WHERE leased_until IS NOT NULL")
    assert held[0]["held"] == 0
    await stage.running()
    await stage.settled()
    await stage.verdict()
    assert stage.model.calls == await stage.drafts()


def test_wrong_settings_are_refused_at_start_each_by_its_name() -> None:
    wrong = {
        "ESCALATION_LEASE_SECONDS": "soon",
        "ESCALATION_HTTP_PORT": "123456",
        "ESCALATION_TOPIC_PREFIX": "with a blank",
    }
    done = command({"PATH": os.environ["PATH"], **wrong}, "run")
    assert done.code == 2
    assert [variable for variable in wrong if variable not in done.errors] == []
    assert "Traceback" not in done.errors
