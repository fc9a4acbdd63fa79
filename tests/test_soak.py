"""What a soak is made of, without its servers: the plan, the poison, the line through samples, what logs may say."""

import gc
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from consumer.domain.arrival.decode import decode
from consumer.domain.events import Refusal
from consumer.flows.intake.suspicion import REMEMBERED, Suspicion
from schemas.topics import Topics
from tests.soak import logs, plan, poison, replica, trend
from tests.soak.bills import Bills
from tests.soak.figures import Figures, Sample
from tests.soak.histories import Histories
from tests.soak.plan import MENU, STEADY, FaultKind, Thing, Weather
from tests.soak.tenants import tenants
from tests.soak.verdict import growth_complaints, spend_complaints
from tests.soak.view import View
from tests.support.wire import REDACTOR, record

STORMS = [plan.storm(7, number, Weather()) for number in range(1, 80)]
FAULTS = [fault for storm in STORMS for fault in storm]


class TestPlan:
    def test_the_same_seed_gives_the_same_storms(self) -> None:
        assert [plan.storm(7, number, Weather()) for number in range(1, 80)] == STORMS
        assert plan.storm(8, 1, Weather()) != STORMS[0]
        assert len(set(STORMS)) == len(STORMS)

    def test_every_kind_of_fault_comes(self) -> None:
        assert {fault.kind for fault in FAULTS} == set(FaultKind) == set(MENU)
        assert {fault.target for fault in FAULTS if MENU[fault.kind].thing is Thing.REPLICA} == {0, 1, 2}

    def test_all_is_healed_when_the_storm_ends(self) -> None:
        assert all(fault.at <= fault.healed_at <= Weather().storm_seconds for fault in FAULTS)

    def test_of_one_thing_no_two_faults_at_a_time(self) -> None:
        for storm in STORMS:
            for held in {fault.held for fault in storm if fault.held[0] is not Thing.NOTHING}:
                its_own = [fault for fault in storm if fault.held == held]
                assert all(earlier.healed_at <= later.at for earlier, later in pairwise(its_own))

    def test_the_steady_replica_is_frozen_and_never_ended(self) -> None:
        kinds = {fault.kind for fault in FAULTS if fault.target == STEADY and fault.held[0] is Thing.REPLICA}
        assert kinds == {FaultKind.FREEZE_REPLICA}

    def test_faults_follow_each_other_at_the_pace_that_is_asked_for(self) -> None:
        least, most = Weather().every_seconds
        gaps = [later.at - earlier.at for storm in STORMS for earlier, later in pairwise(storm)]
        assert least <= min(gaps)
        assert sum(gap <= most for gap in gaps) > 0.95 * len(gaps), "a longer one only where what it drew was held"

    def test_the_same_seed_gives_the_same_sessions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tests.soak.histories._real_sessions", lambda _: [])
        made = [Histories(5, tenants(3, budget_usd=1.0)) for _ in range(2)]
        kinds = [
            [[event["type"] for step in each.next().steps for event in step.events] for _ in range(40)] for each in made
        ]
        assert kinds[0] == kinds[1]


class TestPoison:
    def test_every_kind_is_refused(self) -> None:
        seen: Counter[tuple[str, str]] = Counter()
        for number in range(3000):
            kind, (topic, key, value, headers) = poison.poison(Topics(), random.Random(number), number)
            if seen[topic, kind]:
                continue
            seen[topic, kind] += 1
            decoded = decode(record(value, topic=topic, key=key, headers=dict(headers)), Topics(), REDACTOR)
            assert isinstance(decoded.arrival, Refusal), (topic, kind, decoded)
        assert len(seen) > 50

    def test_a_slow_record_is_in_a_session_of_its_own(self) -> None:
        kinds = poison.slow_kinds()
        assert len(kinds) > 80
        _, (_, key, value, _) = poison.slow(Topics(), kinds[:1], random.Random(1), 12)
        assert key == b"hostile-12"
        assert b'"subject":"hostile-12"' in (value or b"")


def line(slope: float, *, noise: float, number: int = 12) -> trend.Trend | None:
    """Through samples with chance in them, 60 requests apart."""
    chance = random.Random(3)
    return trend.fitted([(60.0 * n, 900_000 + slope * 60 * n + chance.gauss(0, noise)) for n in range(number)])


class TestTrend:
    def test_a_leak_of_one_small_object_per_request_shows_through_noise(self) -> None:
        leak = line(1.0, noise=60)
        assert leak is not None
        assert leak.grows_by(0.5)

    def test_noise_alone_does_not(self) -> None:
        for noise in (1, 60, 5000):
            flat = line(0.0, noise=noise)
            assert flat is not None
            assert not flat.grows

    def test_too_few_samples_say_nothing(self) -> None:
        assert trend.fitted([(1.0, 1.0)] * 4) is None
        assert trend.fitted([(1.0, 1.0)] * 20) is None, "all of one moment"


def samples(**growth: float) -> list[Sample]:
    """Of 20 minutes; each figure grows by so much from one to the next."""
    level = {"rss_mb": 150.0, "descriptors": 22, "tasks": 45, "blocks": 900_000, "objects": 300_000}
    return [
        Sample(
            seconds=30.0 * number,
            answered=50 * number,
            **{name: base + growth.get(name, 0) * number for name, base in level.items()},  # type: ignore[arg-type]
        )
        for number in range(1, 41)
    ]


class TestGrowth:
    def test_flat_is_flat(self) -> None:
        assert list(growth_complaints(samples(), seconds=1200)) == []

    @pytest.mark.parametrize(
        ("figure", "each"), [("rss_mb", 1.0), ("descriptors", 0.5), ("tasks", 0.5), ("blocks", 3000.0)]
    )
    def test_growth_is_a_complaint(self, figure: str, each: float) -> None:
        assert len(list(growth_complaints(samples(**{figure: each}), seconds=1200))) == 1

    def test_a_container_that_grows_by_one_for_two_requests_is_a_complaint(self) -> None:
        some = samples()
        chance = random.Random(1)
        for number, sample in enumerate(some):
            sample.containers = {
                "1": ("consumer.x.SEEN list of str", 40 + 25 * number),
                "2": ("heap list of TimerHandle", chance.randrange(30, 900)),
                "3": ("a bounded cache dict of str", 512),
            }
        assert [complaint.split()[1] for complaint in growth_complaints(some, seconds=1200)] == ["consumer.x.SEEN"]

    def test_what_is_bounded_by_its_owner_is_no_leak(self) -> None:
        remembered = Suspicion(lambda: None)
        unbounded = [{str(number).encode(): None for number in range(REMEMBERED)}]
        vars(remembered)["_last"].update(unbounded[0].items())
        counted = dict(replica._containers(gc.get_objects()))
        assert str(id(unbounded[0])) in counted
        assert str(id(remembered._last)) not in counted

    def test_statements_that_come_and_go_hide_no_growth_and_are_none(self) -> None:
        chance = random.Random(2)
        for each, complaints in ((0.0, 0), (2500.0, 1)):
            some = samples(blocks=each)
            for sample in some:
                sample.statements = chance.randrange(200, 600)
                sample.blocks += 50 * sample.statements
            assert len(list(growth_complaints(some, seconds=1200))) == complaints


class TestSpend:
    def test_beyond_the_calls_under_way_a_budget_holds(self) -> None:
        some = tenants(3, budget_usd=1.0)
        bills = Bills(some)
        bills.dearest_usd = 0.01
        bills.usd["amber"] = 1.1
        assert list(spend_complaints(bills, some, replicas=3)) == []
        bills.usd["amber"] = 1.2
        assert len(list(spend_complaints(bills, some, replicas=3))) == 1

    def test_a_call_for_a_tenant_without_a_model_is_a_complaint(self) -> None:
        some = tenants(3, budget_usd=1.0)
        bills = Bills(some)
        bills.calls["cedar"] = 1
        assert len(list(spend_complaints(bills, some, replicas=3))) == 1


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('{"event": "hop_lost", "level": "warning"}', 0),
        ('{"event": "library", "level": "error", "message": "Unable connect to node with id 1"}', 0),
        ('{"event": "library", "level": "error", "message": "Task exception was never retrieved"}', 1),
        ('{"event": "work_fell", "level": "error"}', 1),
        ('{"event": "nobody knows it", "level": "info"}', 1),
        ("Traceback (most recent call last):", 1),
    ],
)
def test_only_expected_lines_may_stand_in_a_log(tmp_path: Path, line: str, wrong: int) -> None:
    (tmp_path / "log").write_text(line + "\n", encoding="utf-8")
    assert len(list(logs.complaints([tmp_path / "log"], Counter()))) == wrong


def test_the_live_view_shows_what_was_asked_for() -> None:
    figures = Figures(lag=7.0, phase="storm 3")
    figures.faults.update({"kafka killed": 2, "poison": 5})
    figures.requested |= {("t", "s", str(number)) for number in range(12)}
    figures.answered |= {("t", "s", str(number)) for number in range(9)}
    figures.replicas = {"0": {"rss_mb": 150.4, "descriptors": 31.0, "tasks": 44.0}, "1": {"rss_mb": 31.0}}
    console = Console(width=120)
    with console.capture() as written:
        console.print(View(figures, minutes=30, seed=7)._table())
    text = " ".join(written.get().split())
    for said in ("00:00 of 30 minutes, storm 3", "12 / 9", "150 31 44", "31 ? ?", "kafka killed │ 2", "faults │ 7"):
        assert said in text
