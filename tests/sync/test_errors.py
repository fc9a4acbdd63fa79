"""The reference sync's errors: what passes is waited for and loses nothing, what does not is stored and told."""

import time

import pytest

from tests.support.psa_server import Kind, System
from tests.support.waiting import until
from tests.sync.scene import TENANT, Escalation, Scene, ticket


class TestPassing:
    async def test_retry_after_is_honoured(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        scene.psa.fault("busy", "1", times=1, seconds=3)
        await scene.started()
        await scene.send(outlook.package())
        await _called(scene, 1)
        refused = time.monotonic()
        await scene.settled()
        assert time.monotonic() - refused >= 2.5
        assert [call.status for call in scene.psa.calls] == [429, 200, 200]
        assert len(scene.psa.notes()) == 1

    @pytest.mark.parametrize(
        ("system", "kind", "status"), [("connectwise", "bad gateway", 502), ("autotask", "threads", 409)]
    )
    async def test_it_is_tried_until_it_passes(self, scene: Scene, system: System, kind: Kind, status: int) -> None:
        outlook = Escalation("s1", ticket("1", system))
        scene.psa.fault(kind, "1", times=2)
        await scene.started()
        await scene.send(outlook.package())
        await scene.settled()
        assert [call.status for call in scene.psa.calls] == [status, status, 200, 200]
        assert len(scene.psa.notes()) == 1

    async def test_a_credential_that_ran_out_passes_with_the_next_one(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        stale = scene.psa.settings("connectwise") | {"headers": {"Authorization": "Basic stale"}}
        scene.settings({TENANT: {"internal": {"connectwise": stale}}})
        await scene.started()
        await scene.send(outlook.package())
        await _called(scene, 1)
        scene.settings({TENANT: {"internal": {"connectwise": scene.psa.settings("connectwise")}}})
        await scene.settled()
        assert len(scene.psa.notes()) == 1

    @pytest.mark.parametrize("system", ["connectwise", "autotask", "halopsa"])
    @pytest.mark.failure(38)
    async def test_an_answer_that_was_lost_doubles_nothing(self, scene: Scene, system: System) -> None:
        outlook = Escalation("s1", ticket("1", system))
        scene.psa.fault("lost answer", "1", times=1)
        await scene.started()
        await scene.send(outlook.package())
        await scene.settled()
        assert len(scene.psa.notes()) == 1
        assert [call.status for call in scene.psa.writes] == [0, 200]

    async def test_it_holds_its_partition_and_no_other(self, scene: Scene) -> None:
        await scene.widen(4)
        outage = scene.psa.fault("bad gateway", "1")
        stuck, others = Escalation("s0", ticket("1")), [Escalation(f"s{n}", ticket(f"1{n}")) for n in range(12)]
        behind = Escalation("s0", ticket("2")).package()
        await scene.started()
        await scene.send(stuck.package())
        await _called(scene, 1)
        await scene.send(
            behind | {"data": behind["data"] | {"note_key": "behind"}}, *(other.package() for other in others[1:])
        )

        async def passed_by() -> bool:
            return len(scene.psa.notes()) >= 5

        await until(passed_by)
        assert scene.psa.notes(ticket="2") == []
        scene.psa.over(outage)
        await scene.settled()
        assert len(scene.psa.notes()) == 13


class TestPermanent:
    @pytest.mark.parametrize(
        ("system", "kind", "reason"),
        [
            ("connectwise", "missing", "404 no such ticket"),
            ("connectwise", "closed", "400 the ticket is closed"),
            ("autotask", "closed", "400 the ticket is closed"),
            ("halopsa", "no right", "403 the user may not"),
            ("halopsa", "no action", "the PSA kept no note"),
        ],
    )
    async def test_it_is_stored_and_told_and_the_reader_goes_on(
        self, scene: Scene, system: System, kind: Kind, reason: str
    ) -> None:
        refused, next_one = Escalation("s1", ticket("1", system)), Escalation("s2", ticket("2"))
        fault = scene.psa.fault(kind, "1")
        await scene.started()
        await scene.send(refused.package(), next_one.package())
        await scene.settled()
        assert [note.ticket for note in scene.psa.notes()] == ["2"]
        row = scene.row(refused)
        assert (row["state"], row["revision"]) == ("failed", 1)
        assert reason in row["reason"]
        failed = [event["data"] for event in await scene.feedback() if event["data"]["outcome"] == "failed"]
        assert [(data["package_id"], data["reason"]) for data in failed] == [(refused.package_id(1), row["reason"])]

        scene.psa.over(fault)
        await scene.send(refused.package(2))  # equal text: it never reached the ticket
        await scene.settled()
        assert len(scene.psa.notes(ticket="1")) == 1

    async def test_a_missing_outcome_is_one(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1", "halopsa"))
        wrong = scene.psa.settings("halopsa") | {"outcome_id": 1}
        scene.settings({TENANT: {"internal": {"halopsa": wrong}}})
        await scene.started()
        await scene.send(outlook.package())
        await scene.settled()
        assert "400 an outcome is wanted" in scene.row(outlook)["reason"]

    @pytest.mark.parametrize("missing", ["tenant", "audience", "system", "publish", "ticket"])
    async def test_without_a_mapping_nothing_is_posted(self, scene: Scene, missing: str) -> None:
        mine = scene.psa.settings("autotask")
        outlook = Escalation("s1", None if missing == "ticket" else ticket("1", "autotask"))
        if missing == "publish":
            del mine["publish"]
        by_audience = {"internal": {} if missing == "system" else {"autotask": mine}}
        scene.settings({} if missing == "tenant" else {TENANT: by_audience})
        await scene.started()
        await scene.send(outlook.package(audience="customers" if missing == "audience" else "internal"))
        await scene.settled()
        assert scene.psa.calls == []
        assert scene.row(outlook)["state"] == "failed"
        (feedback,) = await scene.feedback()
        assert feedback["data"]["outcome"] == "failed"

    async def test_a_note_that_somebody_deleted_comes_back_with_the_revision_after(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.package(1, "one"))
        await scene.settled()
        scene.psa.forget(scene.psa.notes()[0].id)
        await scene.send(outlook.package(2, "two"), outlook.package(3, "three"))
        await scene.settled()
        assert [note.text.splitlines()[2] for note in scene.psa.notes()] == ["three"]
        outcomes = [event["data"]["outcome"] for event in await scene.feedback()]
        assert outcomes == ["posted", "failed", "posted"]

    async def test_a_withdrawal_that_is_refused_is_a_tombstone_with_its_reason(self, scene: Scene) -> None:
        outlook = Escalation("s1", ticket("1"))
        await scene.started()
        await scene.send(outlook.package())
        await scene.settled()
        scene.psa.fault("closed", "1")
        await scene.send(outlook.withdrawal(), outlook.package(2, "late"))
        await scene.settled()
        row = scene.row(outlook)
        assert row["state"] == "withdrawn"
        assert "400 the ticket is closed" in row["reason"]


async def _called(scene: Scene, times: int) -> None:
    async def so_often() -> bool:
        return len(scene.psa.calls) >= times

    await until(so_often)
