"""Dead letters again: what the commands and the console ask, and the loop that works on it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from consumer.adapters.kafka.client import connection
from consumer.adapters.kafka.originals import TopicOriginals
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.redrive import PostgresLetters
from consumer.domain.redaction import Redactor
from consumer.flows.intake.setting_aside import decode_alone
from consumer.flows.operation.health import Health
from consumer.flows.redrive.judging import Judge
from consumer.flows.redrive.ports import LetterJobs
from consumer.flows.redrive.previewing import ForeseenJobs
from consumer.flows.redrive.redriving import Redriving
from consumer.settings import Settings
from consumer.wiring.database import open_redactor, prepared_database
from consumer.wiring.loops import inbox
from consumer.wiring.values import process_name
from schemas.topics import Topics

CONNECTIONS = 3


def letter_jobs(settings: Settings, *, pool: Pool, redactor: Redactor) -> LetterJobs:
    """Previews, submits, watches and stops jobs; a running service works on them."""
    return ForeseenJobs(store=_letters(settings, pool), judge=_judge(settings, redactor))


def redrive_loop(
    settings: Settings, *, pool: Pool, redactor: Redactor, health: Health, only: str | None = None
) -> Redriving:
    """With `only` it works on that job alone."""
    return Redriving(
        store=_letters(settings, pool),
        judge=_judge(settings, redactor),
        originals=_originals(settings),
        inbox=inbox(settings, pool, redactor),
        runner=process_name(settings),
        lease_seconds=settings.lease_seconds,
        health=health,
        only=only,
    )


@contextlib.asynccontextmanager
async def open_letter_jobs(settings: Settings) -> AsyncIterator[LetterJobs]:
    """For commands. Raises Transient as `prepared_database` does."""
    async with _opened(settings) as (pool, redactor):
        yield letter_jobs(settings, pool=pool, redactor=redactor)


@contextlib.asynccontextmanager
async def working_on(settings: Settings, job_id: str) -> AsyncIterator[tuple[LetterJobs, asyncio.Task[None]]]:
    """Works on this job while the block runs, unless a service does: its lease says who. Raises Transient.

    The task ends before the block only by an error, which the block's end raises.
    """
    async with _opened(settings) as (pool, redactor):
        stop = asyncio.Event()
        loop = redrive_loop(settings, pool=pool, redactor=redactor, health=Health(time.monotonic), only=job_id)
        task = asyncio.create_task(loop.run(stop), name="redrive")
        try:
            yield letter_jobs(settings, pool=pool, redactor=redactor), task
        finally:
            stop.set()
            await task


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Pool, Redactor]]:
    async with prepared_database(settings, name="redrive", max_size=CONNECTIONS) as pool:
        yield pool, await open_redactor(settings, StoreReader(pool))


def _letters(settings: Settings, pool: Pool) -> PostgresLetters:
    return PostgresLetters(pool, lease_seconds=settings.lease_seconds)


def _originals(settings: Settings) -> TopicOriginals:
    return TopicOriginals(connection(settings), topics=Topics(settings.topic_prefix))


def _judge(settings: Settings, redactor: Redactor) -> Judge:
    topics = Topics(settings.topic_prefix)
    return Judge(
        originals=_originals(settings),
        decode=lambda record: decode_alone(record, topics, redactor),
        topics=topics,
    )
