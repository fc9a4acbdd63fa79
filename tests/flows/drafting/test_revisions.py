"""What follows a package: revisions and replays."""

import threading

from consumer.domain.request.schedule import RevisionRules
from tests.flows.drafting.steps import a_session, idle, named, packages, quiet
from tests.support import build
from tests.support.model_server import Menu, ModelServer
from tests.support.replicas import Replicas
from tests.support.tables import Tables


async def test_a_change_after_the_package_yields_a_revision(replicas: Replicas, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        await packages(tables)
        await tables.add_events(
            [
                build.fact("It also fails at home.", fact_id="f2", version=8),
                build.described(version=9, psa_ticket={"system": "halopsa", "ticket_id": "7"}),
            ]
        )
        await tables.change_request(due_at=0.0, cause="state_changed", rank=13)
        first, second = await packages(tables, 2)
    assert (second["cause"], second["revision"], second["supersedes"]) == ("state_changed", 2, first["package_id"])
    assert second["previous_psa_ticket"] == first["psa_ticket"]
    assert second["target_ticket_ref"] == "halopsa #7"
    assert second["marker"].replace(" r2]", " r1]") == first["marker"]
    assert (await tables.request())["revisions_by_change"] == 1


async def test_what_does_not_alter_the_bundle_yields_none(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        await packages(tables)
        await tables.add_events([build.closed(version=8), build.reopened(version=9), build.unknown(version=10)])
        await tables.change_request(due_at=0.0, cause="state_changed", rank=13)
        await idle(tables)
    assert model.calls == len(await tables.published()) == 1


async def test_an_event_during_the_call_yields_a_revision(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.script(Menu(model).held(gate))
    async with replicas.start():
        await model.called()
        await tables.add_events([build.fact("Late news.", fact_id="f2", version=8)])
        gate.set()
        first, second = await packages(tables, 2)
    assert (first["state_version"], second["state_version"], second["cause"]) == (2, 8, "state_changed")


async def test_a_replay_yields_a_revision_only_where_the_drafts_key_differs(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        await packages(tables)
        await tables.change_request(due_at=0.0, cause="replay", replay_id="march", rank=23)
        await idle(tables)
        assert len(await tables.published()) == 1
        await tables.execute("UPDATE packages SET prompt_version = 'older'")
        await tables.change_request(due_at=0.0, cause="replay", replay_id="april", rank=23)
        events = await packages(tables, 2)
    assert (events[1]["cause"], events[1]["replay_id"], events[1]["from_cache"]) == ("replay", "april", True)
    assert model.calls == 1


async def test_a_replay_waits_for_a_model_that_is_away(replicas: Replicas, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start(probe_seconds=30) as replica:
        await packages(tables)
        await tables.execute("UPDATE packages SET prompt_version = 'older'")
        await replica.stores.outages.begin_outage("gone", probe_in_seconds=30)
        await named(replica.health, "model")  # from now on every turn knows of it
        await tables.change_request(due_at=0.0, cause="replay", replay_id="april", rank=23)
        await quiet(tables, 1)
        await replica.stores.outages.end_outage()
        events = await packages(tables, 2)
    assert (events[1]["cause"], events[1]["replay_id"], events[1]["status"]) == ("replay", "april", "ready")


async def test_a_replay_without_a_key_yields_nothing_new(replicas: Replicas, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start(key=False):
        await packages(tables)
        await tables.change_request(due_at=0.0, cause="replay", replay_id="march", rank=23)
        await idle(tables)
    assert len(await tables.published()) == 1


async def test_revisions_stop_at_their_limit(replicas: Replicas, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    two = RevisionRules(after_seconds=0.0, window_seconds=3600, limit=2)
    async with replicas.start(rules=two):
        await packages(tables)
        for number in range(2):
            await tables.add_events([build.fact("More.", fact_id=f"m{number}", version=10 + number)])
            await tables.change_request(due_at=0.0, cause="state_changed", rank=13)
            await packages(tables, 2 + number)
    assert (await tables.request())["revisions_by_change"] == 2
