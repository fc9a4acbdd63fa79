"""The life of a request: whatever arrives in whatever order, whoever dies, it has one outcome, and the right one."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.domain.request.work import Work
from tests.faults.machines.drafters import Drafters, driving
from tests.faults.machines.machine import EventLoop, explore
from tests.faults.machines.request_model import LEASE_SECONDS, LifeModel
from tests.support.model_server import ModelServer, error
from tests.support.wire import TOPICS, cancellation, change, request

NAMES = st.sampled_from(("r1", "r2"))
VERSIONS = st.integers(1, 5)
MOST_LOST = 3
"""Of one example. Work that is lost more often is given up, which is another test's."""
_sessions = itertools.count()

_STANDING = """
SELECT request_id, state, revision, leased_until > now() AS held FROM requests ORDER BY request_id
"""


class LifeMachine(RuleBasedStateMachine):
    """One session, two requests, two replicas, and a worker that may stand still at the worst time."""

    loop: EventLoop
    system: Drafters
    answers: ModelServer

    @initialize()
    def begins(self) -> None:
        self.loop.run(self.system.begin())
        self.answers.always(None)
        self.expected = LifeModel()
        self.session = f"s{next(_sessions)}"
        self.held: list[tuple[Work, int]] = []
        self.leases = itertools.count(1)

    # what arrives

    @rule(version=VERSIONS, rival=st.sampled_from((False, False, False, True)))
    def a_change_arrives(self, version: int, rival: bool) -> None:
        event_id = f"e{version}{'b' if rival else ''}"
        fact = {"fact_id": f"f{version}", "text": f"Host-{version} answers.", "source_type": "user_report"}
        event = change(data=fact, version=version, subject=self.session, id=event_id)
        became = self.loop.run(self.system.take_in(event))
        assert became == Counter([self.expected.arrives(version, event_id)])

    @rule(name=NAMES, asked=st.none() | VERSIONS)
    def a_request_arrives(self, name: str, asked: int | None) -> None:
        self._asks(name, asked)

    @rule(name=NAMES, replay=st.integers(1, 2))
    def a_request_is_replayed(self, name: str, replay: int) -> None:
        self._asks(name, None, replay=f"again-{replay}")

    def _asks(self, name: str, asked: int | None, replay: str | None = None) -> None:
        attributes = {"subject": self.session} | ({"replayid": replay} if replay else {})
        event = request(name, attributes=attributes, **({} if asked is None else {"state_version": asked}))
        self.loop.run(self.system.take_in(event, topic=TOPICS.replay[1] if replay else None))
        self.expected.asks(name, asked)

    @rule(name=NAMES)
    def a_cancellation_arrives(self, name: str) -> None:
        self.loop.run(self.system.take_in(cancellation(name, subject=self.session, id=f"{name}-cancelled")))
        self.expected.cancels(name)

    @precondition(lambda self: len(self.expected.requests) == 2)
    @rule(rarely=st.sampled_from((False, False, True)))
    def the_session_is_erased(self, rarely: bool) -> None:
        if rarely:
            erasure = change("session.erased.v1", {}, version=9, subject=self.session, id="erased")
            self.loop.run(self.system.take_in(erasure))
            self.expected.erases()

    # what time and the model do

    @rule(seconds=st.sampled_from((5.0, LEASE_SECONDS + 1, 61.0)))
    def time_passes(self, seconds: float) -> None:
        self.loop.run(self.system.move(seconds))
        self.expected.now += seconds

    @rule(away=st.booleans())
    def the_model_goes_or_comes(self, away: bool) -> None:
        self.answers.always(error(500) if away else None)

    # who works

    @rule(replica=st.integers(0, 1))
    def a_replica_takes_its_turn(self, replica: int) -> None:
        self.loop.run(self.system.turn(replica))
        for standing in self.expected.requests.values():
            if self.expected.free(standing) and (self.expected.ripe(standing) or standing.state == "done"):
                self.expected.worked(standing)

    @precondition(lambda self: len(self.held) < MOST_LOST)
    @rule()
    def a_worker_takes_work_and_stands_still(self) -> None:
        work = self.loop.run(self.system.take())
        ripe = [
            each for each in self.expected.requests.values() if self.expected.ripe(each) and self.expected.free(each)
        ]
        assert work is not None or not ripe, "there is work, and nobody gets it"
        if work is None:
            return
        standing = self.expected.requests[work.key.request_id]
        assert self.expected.free(standing), "two hold one lease"
        assert standing.state == "done" or standing in ripe
        standing.lease, standing.held_until = next(self.leases), self.expected.now + LEASE_SECONDS
        self.held.append((work, standing.lease))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def it_goes_on_or_is_dead(self, data: st.DataObject) -> None:
        work, lease = data.draw(st.sampled_from(self.held))
        standing = self.expected.requests[work.key.request_id]
        before = self.loop.run(self.system.published())
        self.loop.run(self.system.goes_on(work))
        if standing.lease == lease:
            self.expected.worked(standing)
        else:
            assert self.loop.run(self.system.published()) == before, "work under a lost lease was published"

    # what holds after each step

    @invariant()
    def every_request_is_as_the_model_says(self) -> None:
        if not hasattr(self, "expected"):
            return
        rows = self.loop.run(self.system.pool.fetch(_STANDING))
        known = {name: each for name, each in self.expected.requests.items() if each.state != "unknown"}
        assert {row["request_id"]: row["state"] for row in rows} == {name: each.state for name, each in known.items()}
        for row in rows:
            assert not row["held"] or not self.expected.free(known[row["request_id"]]), "a lease that nobody took"

    @invariant()
    def each_has_one_first_outcome_and_its_revisions_follow_one_another(self) -> None:
        if not hasattr(self, "expected"):
            return
        published: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in self.loop.run(self.system.published()):
            published[event["request_id"]].append(event)
        for name, standing in self.expected.requests.items():
            kinds = [event["kind"] for event in published[name]]
            packages = [event for event in published[name] if event["kind"] == "package_ready"]
            ended = [kind for kind in kinds if kind != "package_ready"]
            if not self.expected.erased:  # which takes back what was not published yet
                assert (kinds[:1] or [None]) == [standing.first]
                assert [event["revision"] for event in packages] == list(range(1, len(packages) + 1))
            assert len(ended) == (standing.state in ("failed", "cancelled")), kinds
            assert not ended or kinds[-1] == ended[0], "something follows the end"
            assert sum(event["cause"] == "state_changed" for event in packages) <= self.system.settings.revise_limit

    def teardown(self) -> None:
        """In the end the model is there and time passes: everybody has an answer, of the newest state."""
        if not hasattr(self, "expected"):
            return
        self.answers.always(None)
        for _ in range(4):
            self.time_passes(90.0)
            self.a_replica_takes_its_turn(0)
        self.every_request_is_as_the_model_says()
        self.each_has_one_first_outcome_and_its_revisions_follow_one_another()
        last: dict[str, dict[str, Any]] = {}
        for event in self.loop.run(self.system.published()):
            last[event["request_id"]] = event
        causes = Counter(
            event["request_id"]
            for event in self.loop.run(self.system.published())
            if event.get("cause") == "state_changed"
        )
        for name, standing in self.expected.requests.items():
            assert standing.state != "open"
            if standing.state == "done":
                assert last[name]["status"] == "ready"
                if causes[name] < self.system.settings.revise_limit:
                    assert last[name]["provenance"]["event_count"] == len(self.expected.events)


@pytest.fixture
def life(database: str, redis_url: str, topic_prefix: str) -> Iterator[type[LifeMachine]]:
    with driving(database, redis_url, topic_prefix, revise_limit=1) as system:
        yield type("Life", (LifeMachine,), system)


def test_a_request_lives_as_the_contract_says(life: type[LifeMachine]) -> None:
    explore(life, examples=6, steps=20, by_chance=False)


@pytest.mark.long
def test_a_request_lives_as_the_contract_says_whatever_happens(life: type[LifeMachine]) -> None:
    explore(life, examples=300, steps=40, by_chance=True)
