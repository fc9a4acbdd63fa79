"""Dead letters in the console, on a real Kafka and PostgreSQL: preview, do, watch, stop, by who signed in alone."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from consumer.adapters.http.console.readers import Readers
from consumer.wiring.operation import console_readers, metrics
from tests.support.console import TOKEN, Surfer, healthy, serving, surfing
from tests.support.hostile_store import EVALUATED
from tests.support.letters import BROKEN, Scene
from tests.support.wire import change

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>{{ 'zq'*3 }}"


@pytest.fixture
async def readers(scene: Scene) -> Readers:
    return console_readers(scene.settings, pool=scene.pool, health=healthy(), meters=metrics())


@pytest.fixture
async def surfer(readers: Readers) -> AsyncIterator[Surfer]:
    async with serving(readers, token=TOKEN) as base, surfing(base) as made:
        yield made


async def test_they_are_found_by_filters_with_their_excerpts(surfer: Surfer, scene: Scene) -> None:
    sound, broken = await scene.send(change(version=1), BROKEN)
    await scene.refused(sound, reason="version_conflict")
    await scene.refused(broken, reason="undecodable", session=None)
    await scene.pool.execute("UPDATE dead_letters SET excerpt = $1, error = $1", HOSTILE)
    answer = await surfer.get("/dead-letters")
    assert len(answer.page.find_all("details", class_="line")) == 2
    assert [word for word in ("<script>alert", "<img", EVALUATED) if word in answer.text] == []
    assert "onerror=alert(2)" in answer.said
    for query, records in {
        "reason=undecodable": 1,
        "reason=invalid": 0,
        f"topic={scene.topics.sessions}": 2,
        "session=s1": 1,
        "tenant=other": 0,
        "since=2026-01-01T00:00": 2,
        "until=2026-01-01T00:00": 0,
        f"topic={sound.topic}&partition={sound.partition}&offset={sound.offset}": 1,
    }.items():
        answer = await surfer.get(f"/dead-letters?{query}")
        assert len(answer.page.find_all("details", class_="line")) == records, query
        assert ("None match" in answer.said) is (records == 0)
    for query in ("reason=bad", "since=x", "offset=-1", "offset=1.5", "offset=" + "9" * 19, "partition=x"):
        assert (await surfer.get(f"/dead-letters?{query}")).status == 400, query


async def test_an_unreadable_record_is_found_by_its_keys_session_and_ticket(surfer: Surfer, scene: Scene) -> None:
    opened, broken = await scene.send(
        change("session.opened.v1", {"psa_ticket": {"system": "halopsa", "ticket_id": "777"}}, version=1), BROKEN
    )
    await scene.take_in(opened, broken)
    for query in ("", "?session=s1", "?ticket=777", "?session=s1&tenant=default"):
        answer = await surfer.get(f"/dead-letters{query}")
        (record,) = answer.page.find_all("details", class_="line")
        assert "Session s1 by its key; its envelope could not be read" in " ".join(record.text.split()), query
        assert record.find("a", string="s1") is not None, "a link to the only session of that id"
        assert "None" not in answer.said.replace("None match", "")
    assert "None match" in (await surfer.get("/dead-letters?ticket=778")).said
    assert (await surfer.get("/dead-letters?ticket=%23")).status == 400
    await surfer.sign_in()
    preview = await surfer.get("/dead-letters/preview?action=purge&ticket=777")
    assert "Purge 1 dead letter?" in preview.said
    job = (await surfer.submit("/dead-letters/preview?action=purge&ticket=777", "/dead-letters/submit")).headers
    await scene.worked(job["Location"].partition("id=")[2])
    assert await scene.listed() == {}


async def test_a_redrive_is_previewed_done_and_watched(surfer: Surfer, scene: Scene) -> None:
    sound, broken = await scene.send(change(version=1), BROKEN)
    await scene.refused(sound, broken)
    await surfer.sign_in()
    page = await surfer.get("/dead-letters?session=s1")
    link = page.page.find("a", string="Redrive all of these…")
    assert link is not None
    preview = str(link["href"])
    shown = await surfer.get(preview)
    assert "Redrive 2 dead letters?" in shown.said
    assert [badge.get_text() for badge in shown.page.find_all(class_="badge")] == ["taken", "refused"]
    assert len(await scene.listed()) == 2, "a preview changes nothing"
    with capture_logs() as logged:
        answer = await surfer.submit(preview, "/dead-letters/submit")
    job = answer.headers["Location"]
    (line,) = [line for line in logged if line["event_name"] == "console_action"]
    assert (line["action"], line["operator"], line["chosen"]["session"]) == ("redrive dead letters", "Ada", "s1")
    waiting = await surfer.get(job)
    assert waiting.headers["Refresh"] == "3"
    assert "asked by Ada (console)" in waiting.said
    await scene.worked(job.partition("id=")[2])
    ended = await surfer.get(job)
    assert "Refresh" not in ended.headers
    assert "2 of 2 Taken 1 Refused again 1" in ended.said
    assert len(await scene.listed()) == 1
    assert "redriven, and stayed" in (await surfer.get("/dead-letters")).said


async def test_what_is_refused_after_the_preview_is_not_in_the_job(surfer: Surfer, scene: Scene) -> None:
    first, second = await scene.send(BROKEN, BROKEN)
    await scene.refused(first)
    await surfer.sign_in()
    form = await surfer.get("/dead-letters/preview?action=purge")
    assert "Purge 1 dead letter?" in form.said
    fields = {str(entry["name"]): str(entry["value"]) for entry in form.page.find_all("input", type="hidden")}
    await scene.refused(second)
    answer = await surfer.post("/dead-letters/submit", fields)
    await scene.worked(answer.headers["Location"].partition("id=")[2])
    assert list(await scene.listed()) == [("session-state-changed", second.offset)]


async def test_a_job_is_stopped(surfer: Surfer, scene: Scene) -> None:
    await scene.refused(*await scene.send(BROKEN))
    await surfer.sign_in()
    job = (await surfer.submit("/dead-letters/preview?action=redrive", "/dead-letters/submit")).headers["Location"]
    with capture_logs() as logged:
        assert (await surfer.submit(job, "/dead-letters/stop")).headers["Location"] == job
    assert [line["action"] for line in logged if line["event_name"] == "console_action"] == [
        "stop a job on dead letters"
    ]
    assert "stopped by Ada (console)" in (await surfer.get(job)).said
    assert len(await scene.listed()) == 1
    assert (await surfer.get("/dead-letters/job?id=nothing")).status == 404


async def test_who_is_not_signed_in_changes_nothing(surfer: Surfer, scene: Scene, readers: Readers) -> None:
    await scene.refused(*await scene.send(BROKEN))
    fields = {"action": "purge", "until": "2999-01-01T00:00:00Z", "id": "x"}
    assert (await surfer.get("/dead-letters/preview?action=purge")).status == 403
    assert "Sign in" in (await surfer.get("/dead-letters")).said
    for action in ("/dead-letters/submit", "/dead-letters/stop"):
        assert (await surfer.post(action, fields)).status == 403, "nobody is signed in"
    await surfer.sign_in()
    for action in ("/dead-letters/submit", "/dead-letters/stop"):
        assert (await surfer.post(action, fields)).status == 403, "no form of the console"
    skipped = await surfer.get("/dead-letters/preview?action=purge")
    token = skipped.page.find("input", attrs={"name": "form_token"})
    assert token is not None
    bare = {"action": "purge", "form_token": str(token["value"])}
    assert (await surfer.post("/dead-letters/submit", bare)).status == 400, "there was no preview"
    async with serving(readers) as base, surfing(base) as reader_only:
        assert "The console only reads" in (await reader_only.get("/dead-letters")).said
        assert (await reader_only.post("/dead-letters/submit", fields)).status == 403
    assert await readers.letters.jobs() == []
