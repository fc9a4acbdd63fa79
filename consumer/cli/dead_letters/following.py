"""Submits a job, works on it where no service does, and watches it to its end."""

import asyncio
import signal
import time

from consumer import logs
from consumer.cli.dead_letters import view
from consumer.errors import Transient
from consumer.flows.pacing import rest
from consumer.flows.redrive.ports import ChosenLetters, LetterAction, LetterJob, LetterJobs
from consumer.settings import Settings

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 30.0
"""A job that only waits for a server, for so long, is left to a service or to the next try."""


async def follow(settings: Settings, action: LetterAction, chosen: ChosenLetters, *, asked_by: str) -> LetterJob:
    """Returns the ended job; after SIGINT or SIGTERM the job as it stands, for the next one to go on with.

    Raises Transient while the database is away, and where the job waits for too long.
    """
    from consumer.wiring.jobs.redrives import open_letter_jobs, working_on

    logs.configure("ERROR")
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    async with open_letter_jobs(settings) as jobs:
        job = await jobs.submit(action, chosen, asked_by=asked_by)
    with view.job_bar(job.job_id) as tell:
        async with working_on(settings, job.job_id) as (jobs, working):
            working.add_done_callback(lambda _: stop.set())
            job = await watched(jobs, job, stop=stop, tell=tell)
        async with open_letter_jobs(settings) as jobs:
            return await jobs.job(job.job_id)


async def watched(jobs: LetterJobs, job: LetterJob, *, stop: asyncio.Event, tell: view.Tell) -> LetterJob:
    """Returns when the job has ended, or after `stop`. Raises Transient where it waits for too long."""
    moved_at = time.monotonic()
    while not job.state.has_ended and not stop.is_set():
        before, job = job, await jobs.job(job.job_id)
        tell(job)
        if job.looked_at != before.looked_at or job.waits is None:
            moved_at = time.monotonic()
        if time.monotonic() - moved_at > PATIENCE_SECONDS:
            raise Transient(
                f"Job {job.job_id} waits: {job.waits}. A running service goes on with it, or the same command later."
            )
        await rest(stop, LOOK_SECONDS)
    return job
