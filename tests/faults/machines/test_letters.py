"""Dead letters: redriven, purged, stopped, killed midway, refused and read again; what left never comes back."""

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.domain.events import Origin
from consumer.flows.redrive import redriving
from consumer.flows.redrive.ports import ChosenLetters, HeldJob, LetterAction, LetterJobState, LostJob
from schemas.dead_letters import RefusalReason
from tests.faults.machines.letter_model import LEASE_SECONDS, ListModel, ModelJob, ModelLetter
from tests.faults.machines.machine import EventLoop, event_loop, explore
from tests.support.letters import BROKEN, Scene, open_scene
from tests.support.moved_clock import MovedClock, move
from tests.support.wire import change

KINDS = st.sampled_from(("sound", "sound", "broken", "rival"))
_TABLES = (
    "dead_letters", "settled_dead_letters", "dead_letter_jobs", "outbox", "session_events", "sessions", "requests",
)  # fmt: skip
_LISTED = 'SELECT topic, partition, "offset", record_ms FROM dead_letters'
_LEFT = 'SELECT topic, partition, "offset", record_ms, became FROM settled_dead_letters'
_TOLD = """
SELECT (SELECT header ->> 1 FROM jsonb_array_elements(headers) AS header WHERE header ->> 0 = 'dlq.offset') AS at
FROM outbox WHERE topic LIKE '%.dlq'
"""


class LetterMachine(RuleBasedStateMachine):
    """One partition, workers that die at any time, and a clock that lets their leases run out."""

    loop: EventLoop
    scene: Scene

    @initialize()
    def begins(self) -> None:
        deletes = "".join(f"DELETE FROM {table};" for table in _TABLES)
        self.loop.run(self.scene.pool.execute(deletes))
        self.expected = ListModel()
        self.held: list[tuple[HeldJob, int]] = []
        self.versions, self.leases = itertools.count(1), itertools.count(1)
        self.records: dict[Origin, int] = {}
        (first,) = self.loop.run(self.scene.send(change(version=0)))
        self.loop.run(self.scene.take_in(first))
        self.expected.stored[0] = "e0"

    # what arrives

    @rule(kind=KINDS)
    def a_record_is_refused(self, kind: str) -> None:
        version = next(self.versions) if kind == "sound" else 0
        event = (
            BROKEN if kind == "broken" else change(version=version, id="rival" if kind == "rival" else f"e{version}")
        )
        (origin,) = self.loop.run(self.scene.send(event))
        if kind == "sound":
            self.records[origin] = version
            self.loop.run(self.scene.refused(origin))
        else:
            self.loop.run(self.scene.take_in(origin))
        self.expected.step += 1
        self.expected.letters[origin] = ModelLetter(kind, self.expected.step)

    @precondition(lambda self: self.expected.letters)
    @rule(data=st.data())
    def a_record_is_read_again(self, data: st.DataObject) -> None:
        """After a rewind, say: what is sound now is stored, what is not is the same dead letter."""
        letters = self.expected.letters
        left = [origin for origin, letter in letters.items() if letter.became != "listed"]
        origin = data.draw(st.sampled_from(left or list(letters)))
        self.loop.run(self.scene.take_in(origin))
        self._stores(origin)

    def _stores(self, origin: Origin) -> None:
        if (version := self.records.get(origin)) is not None:
            self.expected.stored[version] = f"e{version}"

    # jobs

    @rule(action=st.sampled_from(LetterAction), only_internal=st.booleans())
    def a_job_is_submitted(self, action: LetterAction, only_internal: bool) -> None:
        chosen = ChosenLetters(reason=RefusalReason.INTERNAL) if only_internal else ChosenLetters()
        job = self.loop.run(self.scene.jobs.submit(action, chosen, asked_by="a machine"))
        self.expected.step += 1
        same = [
            name
            for name, each in self.expected.jobs.items()
            if (each.action, each.only_internal, each.state) == (action, only_internal, "open")
        ]
        assert same in ([], [job.job_id]), "an unended job of the same choice goes on"
        if not same:
            self.expected.jobs[job.job_id] = ModelJob(action, only_internal, self.expected.step)
        self.expected.step += 1

    @precondition(lambda self: self.expected.jobs)
    @rule(data=st.data())
    def a_job_is_stopped(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(list(self.expected.jobs)))
        job = self.loop.run(self.scene.jobs.stop(name, stopped_by="a machine"))
        if self.expected.jobs[name].state == "open":
            self.expected.jobs[name].state = "stopped"
        assert job.state.has_ended

    @rule()
    def time_passes(self) -> None:
        self.loop.run(move(self.scene.pool, LEASE_SECONDS + 1))
        self.expected.now += LEASE_SECONDS + 1

    # who works

    @rule(late=st.booleans())
    def a_worker_takes_a_job(self, late: bool) -> None:
        """Perhaps after whoever holds one has stood still for longer than its lease."""
        if late:
            self.time_passes()
        held = self.loop.run(self.scene.store.claim(runner="a machine"))
        wanted = self.expected.next_job()
        assert (held.job.job_id if held else None) == wanted, "the oldest that nobody holds, and no other"
        if held is not None and wanted is not None:
            job, lease = self.expected.jobs[wanted], next(self.leases)
            job.holder, job.held_until = lease, self.expected.now + LEASE_SECONDS
            self.held.append((held, lease))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), killed=st.booleans())
    def it_works_on_a_piece(self, data: st.DataObject, killed: bool) -> None:
        """Or is killed after the records were stored and before that was noted."""
        held, lease = data.draw(st.sampled_from(self.held))
        job = self.expected.jobs[held.job.job_id]
        before = self._listed()
        if job.state != "open" or job.holder != lease:
            with pytest.raises(LostJob):
                self.loop.run(self.scene.loop()._piece(held))
            assert self._listed() == before, "a job that was lost moves on"
        elif killed:
            piece = self.loop.run(self.scene.store.piece(held, redriving.PIECE))
            if held.job.action is LetterAction.REDRIVE:
                self.loop.run(self.scene.loop()._redriven(piece))
                for letter in piece:
                    self._stores(letter.origin)
            job.held_until = self.expected.now + LEASE_SECONDS
            self.held = [(other, number) for other, number in self.held if number != lease]
        else:
            done = self.loop.run(self.scene.loop()._piece(held))
            job.held_until = self.expected.now + LEASE_SECONDS
            self.expected.leaves(job, gone := before - self._listed())
            for origin in gone if job.action == "redrive" else ():
                self._stores(origin)
            if done:
                job.state = "done"
                stays = [
                    each for each in self.expected.letters.values() if job.lets_go(each) and each.became == "listed"
                ]
                assert stays == [], "a job that is done has left what it was for"

    @precondition(lambda self: self.expected.listed())
    @rule(action=st.sampled_from(LetterAction))
    def a_job_is_done_from_begin_to_end(self, action: LetterAction) -> None:
        """With all that were begun before: so that letters leave often enough to be read again afterwards."""
        self.a_job_is_submitted(action=action, only_internal=False)
        self._work_to_the_end()

    def _work_to_the_end(self) -> None:
        self.time_passes()
        while (held := self.loop.run(self.scene.store.claim(runner="the next one"))) is not None:
            job = self.expected.jobs[held.job.job_id]
            before = self._listed()
            while not self.loop.run(self.scene.loop()._piece(held)):
                pass
            self.expected.leaves(job, gone := before - self._listed())
            for origin in gone if job.action == "redrive" else ():
                self._stores(origin)
            job.state = "done"

    def _listed(self) -> set[Origin]:
        return {Origin(*row) for row in self.loop.run(self.scene.rows(_LISTED))}  # type: ignore[arg-type]

    # what holds after each step

    @invariant()
    def each_letter_is_where_the_model_says(self) -> None:
        if not hasattr(self, "expected"):
            return
        assert self._listed() == self.expected.listed()
        left = {Origin(*row[:4]): row[4] for row in self.loop.run(self.scene.rows(_LEFT))}  # type: ignore[arg-type]
        assert left == {
            origin: letter.became for origin, letter in self.expected.letters.items() if letter.became != "listed"
        }

    @invariant()
    def each_record_is_stored_once_and_each_refusal_told_once(self) -> None:
        if not hasattr(self, "expected"):
            return
        rows = self.loop.run(self.scene.rows("SELECT version, event_id FROM session_events"))
        assert dict(rows) == self.expected.stored  # type: ignore[arg-type]
        refusals = Counter(at for (at,) in self.loop.run(self.scene.rows(_TOLD)))
        wanted = [str(origin.offset) for origin, letter in self.expected.letters.items() if letter.kind != "sound"]
        assert refusals == Counter(wanted)

    def teardown(self) -> None:
        """In the end every job is worked to its end by whoever comes next, and its counts add up."""
        if not hasattr(self, "expected"):
            return
        self._work_to_the_end()
        self.each_letter_is_where_the_model_says()
        self.each_record_is_stored_once_and_each_refusal_told_once()
        for ended in self.loop.run(self.scene.jobs.jobs(limit=100)):
            assert (ended.state is LetterJobState.DONE) == (self.expected.jobs[ended.job_id].state == "done")
            assert ended.looked_at <= ended.matched


@pytest.fixture
def letters(
    bootstrap_servers: str, database: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[LetterMachine]]:
    monkeypatch.setattr(redriving, "PIECE", 2)
    monkeypatch.setattr(redriving, "PURGED_PIECE", 2)
    with event_loop() as loop:
        clock = loop.run(MovedClock.of(database))
        opened = open_scene(bootstrap_servers, clock.dsn, topic_prefix)
        scene = loop.run(opened.__aenter__())
        try:
            yield type("Letters", (LetterMachine,), {"loop": loop, "scene": scene})
        finally:
            loop.run(opened.__aexit__(None, None, None))


def test_a_dead_letter_leaves_as_it_may_and_for_good(letters: type[LetterMachine]) -> None:
    explore(letters, examples=3, steps=12, by_chance=False)


@pytest.mark.long
def test_a_dead_letter_leaves_as_it_may_and_for_good_whatever_happens(letters: type[LetterMachine]) -> None:
    explore(letters, examples=30, steps=30, by_chance=True)
