"""The reference sync posts once: what becomes a note, what changes it, and what does nothing."""

import ast
import os
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest

from schemas.envelope import Envelope
from tests.support.psa_server import PUBLISH, Fault, System
from tests.support.sync_process import PROGRAM
from tests.support.waiting import until
from tests.sync.scene import Escalation, Scene, ticket

HOURS_MS = 3_600_000


async def test_a_package_becomes_one_note_that_its_revisions_change(scene: Scene) -> None:
    outlook = Escalation("s1", ticket("1"))
    first, second, same = outlook.package(1, "one"), outlook.package(2, "two"), outlook.package(3, "two")
    await scene.started()
    await scene.send(first, first, second, first, same, transactional=True)
    await scene.settled()
    (note,) = scene.psa.notes()
    assert note.text == f"Problem\n\ntwo\n\n{outlook.stem}r2]\n"
    assert [call.method for call in scene.psa.writes] == ["POST", "PATCH"]
    row = scene.row(outlook)
    assert (row["revision"], row["state"], row["note_id"]) == (3, "posted", str(note.id))
    assert row["ticket"] == ticket("1")
    feedback = await scene.feedback()
    assert {event["data"]["package_id"] for event in feedback} == {outlook.package_id(n) for n in (1, 2, 3)}
    assert {(event["data"]["outcome"], event["data"]["note_id"]) for event in feedback} == {("posted", str(note.id))}
    assert len({event["id"] for event in feedback}) == 3


async def test_feedback_is_an_event_that_the_service_reads(scene: Scene) -> None:
    outlook = Escalation("s1", ticket("1"))
    await scene.started()
    await scene.send(outlook.package())
    await scene.settled()
    (event,) = await scene.feedback()
    envelope = Envelope.model_validate(event)
    assert (envelope.type, envelope.subject) == ("escalation.package_feedback.v1", "s1")
    assert envelope.tenantid == outlook.package()["tenantid"]
    assert event.keys() == {*outlook.package()}


async def test_an_aborted_record_is_never_seen(scene: Scene) -> None:
    aborted, outlook = Escalation("aborted", ticket("9")), Escalation("s1", ticket("1"))
    await scene.started()
    await scene.send_aborted(aborted.package())
    await scene.send(outlook.package())
    await scene.settled()
    assert [note.ticket for note in scene.psa.notes()] == ["1"]


class TestShapes:
    async def test_connectwise_gets_plain_text_under_the_internal_flag_alone(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.package(html="<p>one</p>", footer="Rate it: x.example/r"))
        await scene.settled()
        (post,) = scene.psa.writes
        text = f"Problem\n\none\n\nRate it: x.example/r\n{outlook.stem}r1]\n"
        assert post.body == {"text": text, "internalAnalysisFlag": True}

    async def test_autotask_gets_plain_text_by_its_child_url_with_the_tenants_picklist_value(
        self, scene: Scene
    ) -> None:
        outlook = Escalation("s1", ticket("1", "autotask"))
        await scene.started()
        await scene.send(outlook.package(1, "one", title="t" * 300), outlook.package(2, "two"))
        await scene.settled()
        post, change = scene.psa.writes
        assert (post.path, post.body["publish"]) == ("/autotask/Tickets/1/Notes", PUBLISH)
        assert post.body["title"] == "t" * 250
        assert (change.method, change.path) == ("PATCH", "/autotask/Tickets/1/Notes")
        assert change.body["id"] == scene.psa.notes()[0].id

    async def test_halopsa_gets_html_hidden_from_the_user_and_its_change_by_post(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1", "halopsa"))
        await scene.started()
        await scene.send(outlook.package(1, html="<h2>Problem</h2><p>one</p>", footer="<you> & me"))
        await scene.send(outlook.package(2, "a < b\nc", footer=None))
        await scene.settled()
        post, change = scene.psa.writes
        assert post.body[0]["note_html"] == (
            f"<h2>Problem</h2><p>one</p><p>&lt;you&gt; &amp; me</p><p>{outlook.stem}r1]</p>"
        )
        assert (post.body[0]["hiddenfromuser"], post.body[0]["outcome_id"]) == (True, 17)
        assert (change.method, change.body[0]["id"]) == ("POST", scene.psa.notes()[0].id)
        assert _text_of(change.body[0]["note_html"]) == ["Problem", "a < b", "c", f"{outlook.stem}r2]"]

    async def test_a_tickets_id_is_one_part_of_the_path(self, scene: Scene) -> None:
        await scene.started()
        await scene.send(Escalation("s1", ticket("../7?x")).package())
        await scene.settled()
        assert [note.ticket for note in scene.psa.notes()] == ["../7?x"]

    async def test_each_connection_of_a_tenant_has_its_settings(self, scene: Scene) -> None:
        wrong, right = scene.psa.settings("connectwise"), scene.psa.settings("connectwise")
        wrong["url"] = "http://127.0.0.1:9/"
        scene.settings({"larkfield-joinery": {"internal": {"connectwise": wrong, "connectwise/second": right}}})
        await scene.started()
        await scene.send(Escalation("s1", ticket("1", connection="second")).package())
        await scene.settled()
        assert len(scene.psa.notes()) == 1


class TestMovedTickets:
    async def test_equal_text_on_a_new_ticket_is_posted_there_and_the_old_note_says_so(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.package(1, "one"), outlook.package(2, "one", at=ticket("2", "halopsa")))
        await scene.settled()
        (old,), (new,) = scene.psa.notes("connectwise"), scene.psa.notes("halopsa")
        assert old.text.startswith("Handoff moved to halopsa #2.\n")
        assert "one" in new.text
        assert scene.row(outlook)["ticket"] == ticket("2", "halopsa")

    async def test_back_on_the_first_ticket_it_takes_its_own_note_again(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.package(1, "one"), outlook.package(2, "one", at=ticket("2")))
        await scene.send(outlook.package(3, "one", at=ticket("1")))
        await scene.settled()
        (first,), (second,) = scene.psa.notes(ticket="1"), scene.psa.notes(ticket="2")
        assert (first.text.splitlines()[0], second.text) == (
            "Problem",
            f"Handoff moved to connectwise #1.\n\n{outlook.stem}r3]\n",
        )

    @pytest.mark.parametrize("system", ["connectwise", "halopsa"])
    async def test_a_note_that_went_along_with_a_merged_ticket_stays_a_note(self, scene: Scene, system: System) -> None:
        outlook = Escalation("s1", ticket("1", system))
        await scene.started()
        await scene.send(outlook.package(1, "one"))
        await scene.settled()
        scene.psa.notes()[0].ticket = "2"  # the PSA merged the tickets
        await scene.send(outlook.package(2, "one", at=ticket("2", system)))
        await scene.settled()
        (note,) = scene.psa.notes()
        assert "Problem" in note.text
        assert f"{outlook.stem}r2]" in note.text

    async def test_an_old_ticket_that_is_closed_holds_nothing_up(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.package(1, "one"))
        await scene.settled()
        scene.psa.fault("closed", "1")
        await scene.send(outlook.package(2, "one", at=ticket("2")))
        await scene.settled()
        assert len(scene.psa.notes(ticket="2")) == 1
        assert scene.row(outlook)["state"] == "posted"


class TestWithdrawals:
    @pytest.mark.parametrize("system", ["connectwise", "autotask", "halopsa"])
    async def test_the_note_loses_its_text_and_what_follows_posts_nothing(self, scene: Scene, system: System) -> None:
        outlook = Escalation("s1", ticket("1", system))
        await scene.started()
        await scene.send(outlook.package(1, "secret words"), outlook.withdrawal(1, "session_erased"))
        await scene.send(outlook.package(1, "secret words"), outlook.package(2, "late"))
        await scene.send(outlook.package(3, "later", cause="replay", replay_id="march"))
        await scene.settled()
        (note,) = scene.psa.notes()
        assert "Handoff withdrawn: session_erased." in note.text
        assert "secret words" not in note.text
        assert scene.row(outlook)["state"] == "withdrawn"

    async def test_one_without_a_package_leaves_a_row_that_stops_late_packages(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.withdrawal(None), outlook.package(1, "late"))
        await scene.settled()
        assert scene.psa.notes() == []
        assert scene.row(outlook)["state"] == "withdrawn"

    async def test_a_held_replay_goes_with_the_note(self, scene: Scene) -> None:
        outlook, other = Escalation("s1", ticket("1")), Escalation("s2", ticket("2"))
        await scene.started("--replay-seconds", "600")
        await scene.send(other.package(1, cause="replay", replay_id="march"))
        await scene.send(outlook.package(1, "secret words", cause="replay", replay_id="march"), outlook.withdrawal())
        await scene.settled()
        assert [note.ticket for note in scene.psa.notes()] == ["2"]


class TestLostRows:
    async def test_its_own_note_is_found_by_the_marker_and_taken(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        first = await scene.started()
        await scene.send(outlook.package(1, "one"))
        await scene.settled()
        (note,) = scene.psa.notes()
        scene.psa.keep("connectwise", "1", f"> {note.text}\nI think so too")  # an engineer quotes it
        await first.kill()
        await scene.started(rows="new.sqlite")
        await scene.send(outlook.package(2, "two"))
        await scene.settled(rows="new.sqlite")
        assert [note.text.splitlines()[2] for note in scene.psa.notes()] == ["two", "one"]
        assert [call.method for call in scene.psa.writes] == ["POST", "PATCH"]

    async def test_a_moved_tickets_old_note_is_found_as_well(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        first = await scene.started()
        await scene.send(outlook.package(1, "one"))
        await scene.settled()
        await first.kill()
        await scene.started(rows="new.sqlite")
        await scene.send(outlook.package(2, "one", at=ticket("2")))
        await scene.settled(rows="new.sqlite")
        (old,) = scene.psa.notes(ticket="1")
        assert old.text.startswith("Handoff moved")


async def test_a_first_start_passes_over_what_is_old(scene: Scene) -> None:
    old, young = Escalation("old", ticket("1")), Escalation("young", ticket("2"))
    now = int(time.time() * 1000)
    replayed = Escalation("replayed", ticket("3")).package(cause="replay", replay_id="march")
    await scene.send(old.package(), replayed, at_ms=now - 25 * HOURS_MS)
    await scene.send(young.package(), at_ms=now - 23 * HOURS_MS)
    process = await scene.started()
    await scene.settled()
    assert [note.ticket for note in scene.psa.notes()] == ["2"]
    await process.kill()
    await scene.send(Escalation("old2", ticket("4")).package(), at_ms=now - 25 * HOURS_MS)
    await scene.send(old.package(2, "two"))
    await scene.started("--since-hours", "1000")  # the file of rows knows when it began
    await scene.settled()
    assert [note.ticket for note in scene.psa.notes()] == ["2", "1"]


class TestReplays:
    async def test_live_packages_pass_them_by(self, scene: Scene) -> None:
        replays = [Escalation(f"r{n}", ticket(f"1{n}")) for n in range(5)]
        live = Escalation("live", ticket("1"))
        await scene.send(*(replay.package(cause="replay", replay_id="march") for replay in replays), live.package())
        await scene.started("--replay-seconds", "0.7")
        await scene.settled()
        posted = [note.ticket for note in scene.psa.notes()]
        assert sorted(posted) == ["1", *(f"1{n}" for n in range(5))]
        assert posted.index("1") <= 2
        assert {event["data"]["outcome"] for event in await scene.feedback()} == {"posted"}

    async def test_one_that_a_live_revision_overtook_posts_nothing(self, scene: Scene) -> None:
        first, outlook = Escalation("s0", ticket("9")), Escalation("s1", ticket("1"))
        await scene.send(first.package(cause="replay", replay_id="march"))
        await scene.send(outlook.package(1, "one", cause="replay", replay_id="march"), outlook.package(2, "two"))
        await scene.started("--replay-seconds", "2")
        await scene.settled()
        assert [call.method for call in scene.psa.writes if "/1/" in call.path] == ["POST"]
        assert "two" in scene.psa.notes(ticket="1")[0].text


class TestFailures:
    async def test_a_failed_request_shows_on_its_ticket(self, scene: Scene) -> None:
        known, unknown = Escalation("s1", ticket("1")), Escalation("s2", None)
        await scene.started()
        await scene.send(known.failure("cannot be read"), unknown.failure())
        await scene.settled()
        (note,) = scene.psa.notes()
        assert note.text == f"No handoff: cannot be read\n\n{known.stem}r0]\n"
        assert await scene.feedback() == []

    async def test_an_unknown_type_is_ignored(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.package() | {"type": "escalation.package_praised.v1", "data": {}}, outlook.package())
        await scene.settled()
        assert len(scene.psa.notes()) == 1


class TestMoreWorkers:
    async def test_a_partition_is_handed_over_between_two_records(self, scene: Scene) -> None:
        await scene.widen(3)
        outlook = Escalation("s1", ticket("1"))
        slow = scene.psa.fault("slow", "1", times=1, seconds=4)
        await scene.started(instance="one")
        await scene.send(outlook.package())
        await until_taken(slow)
        others = [await scene.started(instance=f"{n}") for n in range(2)]
        await scene.send(*(Escalation(f"other{n}", ticket(f"1{n}")).package() for n in range(8)))
        await scene.settled()
        assert len(scene.psa.notes(ticket="1")) == 1
        assert len(scene.psa.notes()) == 9
        assert all(process.exit_code is None for process in others)


def test_a_person_finds_the_options() -> None:
    given = dict(os.environ) | {"SYNC_SINCE_HOURS": "7.5"}
    command = [sys.executable, str(PROGRAM), "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=given).stdout
    assert "(7.5)" in shown
    assert "--psas" in shown
    assert "pause between packages that a replay asked for" in " ".join(shown.split())


def test_it_is_one_file_of_two_hundred_lines_that_needs_nothing_of_the_service() -> None:
    source = PROGRAM.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"aiohttp", "aiokafka"}


async def until_taken(fault: Fault) -> None:
    async def taken() -> bool:
        return fault.left == 0

    await until(taken)


def _text_of(html: str) -> list[str]:
    texts: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            texts.append(data)

    Reader().feed(html)
    return texts
