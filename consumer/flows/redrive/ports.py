"""Dead letters and the jobs on them: what commands and the console ask for, and what the flow stands on."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from consumer.domain.arrival.acceptance import Slot
from consumer.domain.events import Origin, Record, SessionKey, TopicPartition
from schemas.dead_letters import RefusalReason


class LetterAction(StrEnum):
    """What a job does with the dead letters that it is for."""

    REDRIVE = "redrive"
    """Their originals are read again and pass the same gate."""
    PURGE = "purge"
    """They leave the store. Their copies on the `.dlq` topics leave by retention."""


class LetterJobState(StrEnum):
    SUBMITTED = "submitted"
    """Nobody has begun it yet."""
    RUNNING = "running"
    """Begun; whoever holds its lease works on it. Without a lease the next one goes on."""
    DONE = "done"
    STOPPED = "stopped"
    """By somebody. What it has done stays done."""

    @property
    def has_ended(self) -> bool:
        return self in (LetterJobState.DONE, LetterJobState.STOPPED)


class LetterFate(StrEnum):
    """What becomes of a dead letter when it is redriven."""

    TAKEN = "taken"
    """The record is sound now: stored, once. The dead letter leaves the list."""
    REFUSED = "refused"
    """It is refused again and stays a dead letter: the same one."""
    GONE = "gone"
    """The original is not on its topic any more. It stays a dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLetters:
    """Which dead letters. A field that is None excludes none."""

    reason: RefusalReason | None = None
    topic: str | None = None
    """The source's full name, with its prefix."""
    partition: int | None = None
    offset: int | None = None
    tenant: str | None = None
    session: str | None = None
    ticket: str | None = None
    """As it was asked for; which sessions have or had it is in `sessions`."""
    sessions: tuple[SessionKey, ...] | None = None
    """Only of these sessions. A record whose tenant is unknown counts to every session that its key names."""
    since: datetime | None = None
    """Only those that were refused then or later."""
    until: datetime | None = None
    """Only those that were refused before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter in the store, without its excerpt."""

    origin: Origin
    tenant_id: str | None
    session_id: str | None
    reason: str
    error: str
    """One line that names the field; no payload."""
    failed_at: datetime
    redriven_at: datetime | None = None
    """When it was redriven last and stayed."""
    redrive_error: str | None = None
    """Why it stayed then; one line without payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForetoldLetter:
    """A dead letter, and what redriving it would make of it."""

    letter: Letter
    fate: LetterFate | None
    """None: not foretold, because it would be purged, or because Kafka is away."""
    why: str
    """One line; empty where there is nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterGroup:
    """How many dead letters share a reason and a topic."""

    reason: str
    topic: str
    letters: int
    oldest_at: datetime
    newest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterPreview:
    """How many dead letters are chosen, and which. Nothing has been done."""

    action: LetterAction
    chosen: ChosenLetters
    matched: int
    groups: tuple[LetterGroup, ...]
    """The largest first."""
    first: tuple[ForetoldLetter, ...]
    """Those that a job takes up first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterJob:
    """A job as its row says. `taken` to `purged` are numbers of dead letters."""

    job_id: str
    action: LetterAction
    chosen: ChosenLetters
    state: LetterJobState
    asked_by: str
    submitted_at: datetime
    began_at: datetime | None = None
    ended_at: datetime | None = None
    stopped_by: str | None = None
    matched: int = 0
    """When it was submitted. Dead letters of later are not the job's."""
    taken: int = 0
    dropped: int = 0
    """Taken, and dropped as every record of an erased session is."""
    refused: int = 0
    gone: int = 0
    purged: int = 0
    runner: str | None = None
    """The process that works on it now."""
    waits: str | None = None
    """What the process that works on it waits for."""

    @property
    def looked_at(self) -> int:
        return self.taken + self.dropped + self.refused + self.gone + self.purged


class LetterJobs(Protocol):
    """What commands and the console ask for. Every method raises Transient while the database is away."""

    async def preview(self, action: LetterAction, chosen: ChosenLetters, *, first: int = 10) -> LetterPreview:
        """Changes nothing. For a redrive the `first` are tried: their originals are read and decoded."""

    async def submit(self, action: LetterAction, chosen: ChosenLetters, *, asked_by: str) -> LetterJob:
        """Submits a job, which a running service takes up; an unended job of the same choice is returned instead."""

    async def job(self, job_id: str) -> LetterJob:
        """Raises Permanent for an unknown one."""

    async def jobs(self, *, limit: int = 20) -> list[LetterJob]:
        """The newest first."""

    def watch(self, job_id: str, *, every_seconds: float = 0.5) -> AsyncIterator[LetterJob]:
        """Yields the job whenever it has changed; the last one has ended. Raises as `job` does."""

    async def stop(self, job_id: str, *, stopped_by: str) -> LetterJob:
        """Ends the job after the piece that is under way. One that has ended stays as it is. Raises as `job` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldJob:
    """A job under a lease. The token fences whoever held it before."""

    job: LetterJob
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedrivenPiece:
    """What became of the dead letters of a piece."""

    taken: Collection[Origin] = ()
    """They leave the list."""
    dropped: int = 0
    """So many of those taken were dropped, because their sessions are erased."""
    refused: Mapping[Origin, str] = field(default_factory=dict)
    """Why each was refused again."""
    gone: Mapping[Origin, str] = field(default_factory=dict)
    """Why there is no original of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingOriginal:
    """There is no record at the place."""

    why: str


class LetterStore(Protocol):
    """The tables of dead letters and jobs. Every method raises Transient while the database is away."""

    async def groups(self, chosen: ChosenLetters) -> Sequence[LetterGroup]:
        """The largest first."""

    async def first(self, chosen: ChosenLetters, limit: int) -> Sequence[Letter]:
        """In the order of jobs."""

    async def stored_ids(self, slots: Collection[Slot]) -> Mapping[Slot, str]:
        """The ids of the events that have these versions."""

    async def put_job(self, action: LetterAction, chosen: ChosenLetters, *, asked_by: str) -> LetterJob:
        """Stores a new job, or returns the unended one of the same action and choice."""

    async def job(self, job_id: str) -> LetterJob:
        """Raises Permanent for an unknown one."""

    async def jobs(self, *, limit: int) -> list[LetterJob]:
        """The newest first."""

    async def stop_job(self, job_id: str, *, stopped_by: str) -> LetterJob:
        """One that has ended stays as it is. Raises Permanent for an unknown one."""

    async def claim(self, *, runner: str, only: str | None = None) -> HeldJob | None:
        """Takes the lease of the oldest job that nobody works on, or of `only` that one; None without any."""

    async def renew(self, held: HeldJob) -> None:
        """Raises LostJob when the job was stopped or another process has it."""

    async def piece(self, held: HeldJob, limit: int) -> Sequence[Letter]:
        """The next dead letters; none when all were looked at. Renews the lease; raises LostJob as `renew` does."""

    async def settle(self, held: HeldJob, piece: Sequence[Letter], became: RedrivenPiece) -> None:
        """Notes what became of the piece, all at once: what was taken leaves the list, the job moves on.

        Raises LostJob, with nothing noted, when another process has the job. A stopped job is moved on once more.
        """

    async def purge(self, held: HeldJob, piece: Sequence[Letter]) -> None:
        """As `settle`; all of the piece leave."""

    async def finish(self, held: HeldJob) -> LetterJob:
        """Raises LostJob as `renew` does."""

    async def hand_back(self, held: HeldJob, *, waits: str | None = None, seconds: float = 0.0) -> None:
        """Gives the lease back: in so many seconds any process may go on. `waits` says what the job waits for."""


class Originals(Protocol):
    """The records on their topics, read by place and outside of any consumer group. Raises Transient."""

    async def read(self, origins: Collection[Origin]) -> Mapping[Origin, Record | MissingOriginal]:
        """What stands at these places now, by the place that was asked for. Whose record it is the caller judges."""

    async def session_ends(self) -> Mapping[TopicPartition, int]:
        """The ends of all partitions with session events."""


class LostJob(Exception):
    """The job was stopped, or another process works on it."""
