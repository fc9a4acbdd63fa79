"""Dead letters again with real servers: by a running service, and by the command alone."""

import json

from consumer.flows.redrive.ports import ChosenLetters, LetterAction, LetterJobState
from consumer.wiring.jobs.redrives import open_letter_jobs
from tests.support.stage import Stage, Story, settings_of

REFUSES = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'it is out of range' USING ERRCODE = '22003'; END $$;
    CREATE TRIGGER refuses BEFORE INSERT ON session_events
        FOR EACH ROW WHEN (NEW.session_id LIKE 'held%') EXECUTE FUNCTION refuse()
"""
"""As a value that this database cannot hold, until it is mended."""
MENDED = "DROP TRIGGER refuses ON session_events"


async def test_a_running_service_takes_up_a_job_that_somebody_submits(stage: Stage) -> None:
    service = await stage.running()
    await stage.execute(REFUSES)
    story = Story("held-1")
    await stage.send(story.opened(), story.fact("The cable was pulled."))
    await stage.send_raw((stage.topics.sessions, b"held-1", b"{ no JSON", ()))
    await stage.settled()
    await stage.execute(MENDED)
    assert len(await stage.query("SELECT FROM dead_letters")) == 3

    async with open_letter_jobs(settings_of(stage.environment())) as jobs:
        job = await jobs.submit(LetterAction.REDRIVE, ChosenLetters(session="held-1"), asked_by="somebody")
        job = [seen async for seen in jobs.watch(job.job_id)][-1]
    assert (job.state, job.taken, job.asked_by) == (LetterJobState.DONE, 2, "somebody")
    lines = [json.loads(line) for line in service.logged.splitlines() if "redrive_done" in line]
    assert [(line["job"], line["asked_by"], line["taken"]) for line in lines] == [(job.job_id, "somebody", 2)]

    await stage.send(story.request())
    (package,) = await stage.published(1)
    assert "The cable was pulled." in package["markdown"]
    await stage.settled()
    assert len((await stage.oracle.read()).dead_letters) == 3, "each stands once on its .dlq topic"
