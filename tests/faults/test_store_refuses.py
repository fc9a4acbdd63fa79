"""A database that answers and refuses: no record and no request pays for it, and somebody is told."""

import asyncio

import pytest

from tests.faults.test_stores import named, sessions
from tests.support.service import ServiceProcess
from tests.support.stage import Stage
from tests.support.waiting import until

NAMED_SECONDS = 30.0

RAISES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'refused by a trigger' USING ERRCODE = '{code}'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()
"""
FAULTS = {
    "a trigger raises XX001, as for a damaged block": RAISES.format(code="XX001", table="session_events"),
    "a right is missing": RAISES.format(code="42501", table="session_events"),
    "a customer's trigger raises": RAISES.format(code="P0001", table="session_events"),
    "every value is refused as if it were wrong": RAISES.format(code="22023", table="session_events"),
    "a constraint of others stands in the way": (
        "ALTER TABLE session_events ADD CONSTRAINT of_others CHECK (version < 0) NOT VALID"
    ),
    "requests are refused": RAISES.format(code="XX001", table="requests"),
}
MENDED = (
    "DROP FUNCTION IF EXISTS refuse() CASCADE; ALTER TABLE session_events DROP CONSTRAINT IF EXISTS of_others;"
    " ALTER TABLE packages DROP CONSTRAINT IF EXISTS of_others"
)


async def stuck(service: ServiceProcess, what: str) -> None:
    """/readyz names it in time, ready or not."""

    async def it_is() -> bool:
        return what in (await service.prompt_readiness()).stuck

    await until(it_is, within_seconds=NAMED_SECONDS)


OFTEN = ("a customer's trigger raises", "every value is refused as if it were wrong")


@pytest.mark.parametrize(
    "fault", [fault if fault in OFTEN else pytest.param(fault, marks=pytest.mark.long) for fault in FAULTS]
)
@pytest.mark.failure(42)
async def test_sound_records_are_never_refused_for_a_fault_of_the_store(stage: Stage, fault: str) -> None:
    service = await stage.running()
    await stage.send(*sessions(5, "before"))
    await stage.published(5)
    await stage.execute(FAULTS[fault])
    await stage.send(*sessions(15, "while-refused"))
    await named(service, "store")
    await asyncio.sleep(3)  # it is tried again, and goes on being refused
    assert await stage.query("SELECT count(*) FROM dead_letters") == [{"count": 0}]
    await stage.execute(MENDED)
    await stage.settled()
    await stage.verdict()
    assert await stage.query("SELECT count(*) FROM dead_letters") == [{"count": 0}]
    assert service.running


@pytest.mark.failure(42)
async def test_an_altered_column_under_a_cached_plan_costs_nothing(stage: Stage) -> None:
    await stage.running()
    await stage.send(*sessions(5, "before"))
    await stage.published(5)
    await stage.execute("ALTER TABLE sessions ALTER COLUMN event_count TYPE bigint")
    await stage.send(*sessions(15, "after"))
    await stage.settled()
    await stage.verdict()
    assert await stage.query("SELECT count(*) FROM dead_letters") == [{"count": 0}]


@pytest.mark.long
@pytest.mark.failure(42)
async def test_no_request_fails_because_packages_cannot_be_stored(stage: Stage) -> None:
    service = await stage.running()
    await stage.execute("ALTER TABLE packages ADD CONSTRAINT of_others CHECK (revision < 0) NOT VALID")
    await stage.send(*sessions(8, "refused"))
    await stuck(service, "drafting")
    await asyncio.sleep(8)  # more tries than a request has before it is given up
    assert await stage.query("SELECT count(*) FROM requests WHERE state <> 'open'") == [{"count": 0}]
    await stage.execute(MENDED)
    await stage.settled()
    await stage.verdict()


async def test_what_is_mended_is_no_longer_named_although_there_is_no_work(stage: Stage) -> None:
    service = await stage.running()
    await stage.execute("ALTER TABLE requests RENAME TO hidden")
    await stuck(service, "drafting")
    await stage.execute("ALTER TABLE hidden RENAME TO requests")

    async def nothing_is_named() -> bool:
        return not (await service.prompt_readiness()).stuck

    await until(nothing_is_named, within_seconds=NAMED_SECONDS)


@pytest.mark.failure(35)
async def test_a_row_of_a_newer_release_is_left_alone_and_holds_up_nobody(stage: Stage) -> None:
    service = await stage.running()
    await stage.send(*sessions(1, "newer"))
    await stage.published(1)
    await stage.execute("UPDATE requests SET cause = 'of_a_newer_release', due_at = now(), rank = 0")
    await stage.send(*sessions(10, "after"))
    await stage.published(11)
    assert (await service.get("/livez") or (0, ""))[0] == 200
