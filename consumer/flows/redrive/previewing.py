"""What commands and the console ask for: how many dead letters and which, what would become of them, and the jobs."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog

from consumer.domain.events import Decoded, Origin, SessionChange
from consumer.errors import Transient
from consumer.flows.redrive.judging import Judge, StayingLetter
from consumer.flows.redrive.ports import (
    ChosenLetters,
    ForetoldLetter,
    Letter,
    LetterAction,
    LetterFate,
    LetterJob,
    LetterPreview,
    LetterStore,
)

log = structlog.stdlib.get_logger("escalation.redrive")


class ForeseenJobs:
    """Implements the port `LetterJobs`."""

    def __init__(self, *, store: LetterStore, judge: Judge) -> None:
        self._store = store
        self._judge = judge

    async def preview(self, action: LetterAction, chosen: ChosenLetters, *, first: int = 10) -> LetterPreview:
        groups = await self._store.groups(chosen)
        letters = await self._store.first(chosen, first)
        return LetterPreview(
            action=action,
            chosen=chosen,
            matched=sum(group.letters for group in groups),
            groups=tuple(groups),
            first=tuple(await self._foretold(action, letters)),
        )

    async def submit(self, action: LetterAction, chosen: ChosenLetters, *, asked_by: str) -> LetterJob:
        job = await self._store.put_job(action, chosen, asked_by=asked_by)
        log.info(
            "A job on dead letters was submitted.",
            event_name="redrive_submitted",
            job=job.job_id,
            asked_by=asked_by,
            dead_letters=job.matched,
        )
        return job

    async def job(self, job_id: str) -> LetterJob:
        return await self._store.job(job_id)

    async def jobs(self, *, limit: int = 20) -> list[LetterJob]:
        return await self._store.jobs(limit=limit)

    async def watch(self, job_id: str, *, every_seconds: float = 0.5) -> AsyncIterator[LetterJob]:
        last = None
        while last is None or not last.state.has_ended:
            job = await self._store.job(job_id)
            if job != last:
                yield job
            last = job
            if not job.state.has_ended:
                await asyncio.sleep(every_seconds)

    async def stop(self, job_id: str, *, stopped_by: str) -> LetterJob:
        job = await self._store.stop_job(job_id, stopped_by=stopped_by)
        log.info(
            "A job on dead letters was asked to stop.",
            event_name="redrive_stopped",
            job=job.job_id,
            stopped_by=stopped_by,
            state=job.state,
        )
        return job

    async def _foretold(self, action: LetterAction, letters: Sequence[Letter]) -> list[ForetoldLetter]:
        if action is LetterAction.PURGE or not letters:
            return [ForetoldLetter(letter=letter, fate=None, why="") for letter in letters]
        try:
            judged = await self._judge.judge(letters)
        except Transient as error:
            return [ForetoldLetter(letter=letter, fate=None, why=f"not tried: {error}") for letter in letters]
        rivals = await self._rivals(judged)
        return [_foretold(letter, judged[letter.origin], rivals) for letter in letters]

    async def _rivals(self, judged: Mapping[Origin, Decoded | StayingLetter]) -> frozenset[Origin]:
        """The events whose version another event has."""
        changes = [each.arrival for each in judged.values() if isinstance(each, Decoded)]
        events = [change for change in changes if isinstance(change, SessionChange)]
        stored = await self._store.stored_ids({(event.key, event.version) for event in events})
        return frozenset(
            event.origin for event in events if stored.get((event.key, event.version), event.event_id) != event.event_id
        )


def _foretold(letter: Letter, judged: Decoded | StayingLetter, rivals: frozenset[Origin]) -> ForetoldLetter:
    if isinstance(judged, StayingLetter):
        return ForetoldLetter(letter=letter, fate=judged.fate, why=judged.why)
    if letter.origin in rivals:
        why = "another event has this version of the session"
        return ForetoldLetter(letter=letter, fate=LetterFate.REFUSED, why=why)
    return ForetoldLetter(letter=letter, fate=LetterFate.TAKEN, why="")
