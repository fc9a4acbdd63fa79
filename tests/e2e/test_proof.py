"""Packages are proven, and copied to another machine with their sessions."""

import json
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from consumer.adapters.postgres.core.pool import closing_pool
from consumer.adapters.postgres.operation.proofs import Proofs
from consumer.domain.package import proof
from consumer.domain.package.proof import Proof, ProofResult, TextVerdict
from tests.support import servers as support
from tests.support.stage import Stage, Story

PASSWORD = "Kf7-vault-Winter!49"
LATER = "Moss-and-granite-77"


def script(password: str, generation_id: str) -> dict[str, object]:
    schema = {"parameters": [{"key": "pass", "field_type": "password"}]}
    template = {"name": "Reset the account", "slug": "reset", "parameters_schema": schema}
    return {"generation_id": generation_id, "template": template, "parameters_used": {"pass": password}}


async def fill(stage: Stage) -> list[UUID]:
    """Two tenants, secrets known at once or later, a revision, a cancelled request. Returns package ids."""
    await stage.running(revise_after_seconds="0.2")
    story, later, gone = Story(tenant_id="acme"), Story(tenant_id="acme"), Story(tenant_id="acme")
    foreign = Story(tenant_id="other")
    await stage.send(
        story.opened(intake_text=f"the user mailed me {PASSWORD} yesterday", psa_ticket=_ticket("77")),
        story.event("session.script_generated.v1", script(PASSWORD, "g1")),
        story.fact(f"Logging on with {PASSWORD} works.", source_type="diagnostic_check"),
        story.event("session.of_another_time.v7", {"any": "thing"}),
        story.fix(),
        story.outcome("applied_pending", pending_reason="the backup of tonight"),
        story.request(reason=f"they still use {PASSWORD}", state_version=6),
    )
    await stage.send(later.opened(), later.fact(f"The sticker says {LATER}."), later.request(state_version=2))
    await stage.send(gone.opened(), gone.request(state_version=1), foreign.opened(), foreign.request(state_version=1))
    await stage.published(4)
    await stage.send(
        story.fact("Known only after the package."), later.event("session.script_generated.v1", script(LATER, "g2"))
    )
    await stage.send(gone.cancel())
    await stage.published(7)
    await stage.settled()
    packages = await stage.query("SELECT package_id FROM packages WHERE tenant_id = 'acme' ORDER BY created_at")
    return [row["package_id"] for row in packages]


def _ticket(number: str) -> dict[str, str]:
    return {"system": "connectwise", "ticket_id": number}


@pytest.mark.timeout(240)
async def test_an_export_gives_the_same_digests_on_another_machine(
    stage: Stage, servers: support.TestServers, empty_database: str, tmp_path: Path
) -> None:
    packages = await fill(stage)
    assert len(packages) == 5
    file = tmp_path / "acme.jsonl"
    exported = await stage.command("export", "--tenant", "acme", "--output", str(file))
    assert exported.code == 0, exported.errors
    written = file.read_text(encoding="utf-8")
    assert [word for word in (PASSWORD, LATER, '"other"') if word in written] == []

    (tmp_path / "there").mkdir()
    there = Stage(
        bootstrap_servers=servers.kafka.bootstrap_servers,
        dsn=empty_database,
        redis_url=servers.redis.url,
        prefix=f"{stage.topics.prefix}there.",
        folder=tmp_path / "there",
    )
    async with there:
        await there.running(keyed=False, redaction_key="a key that was given")
        loaded = await there.command("load", str(file), "--packages", "--json")
        assert loaded.code == 0, loaded.output + loaded.errors
        assert json.loads(loaded.output)["packages"]["taken"] == len(packages)
        await there.settled()
        assert (await there.oracle.read()).published == [], "a package left the machine that it was only copied to"
        columns = "tenant_id, session_id, version, arrival, event_id, type, occurred_at, actor, data, utc_offset"
        events = f"SELECT {columns} FROM session_events WHERE tenant_id = 'acme' ORDER BY 1, 2, 3"
        assert await there.query(events) == await stage.query(events), "a placeholder did not pass the door unchanged"
        here, copied = await proofs(stage, packages), await proofs(there, packages)
    assert [copy.rebuilt_sha256 for copy in copied] == [original.rebuilt_sha256 for original in here]
    assert [copy.published_sha256 for copy in copied] == [original.published_sha256 for original in here]
    assert Counter(original.verdict for original in here) == {
        ProofResult.VERIFIED: len(packages) - 1,
        ProofResult.REDACTED: 1,
    }
    assert [copy.verdict for copy in copied] == [original.verdict for original in here]
    # Drafts are not exported: the copy knows the text by its digest only.
    assert Counter(original.text for original in here) == {
        TextVerdict.REPRODUCED: len(packages) - 1,
        TextVerdict.REDACTED: 1,
    }
    assert Counter(copy.text for copy in copied) == {TextVerdict.NO_DRAFT: len(packages) - 1, TextVerdict.REDACTED: 1}


async def proofs(stage: Stage, packages: list[UUID]) -> list[Proof]:
    async with closing_pool(stage.dsn, name="test", max_size=1) as pool:
        evidence = [await Proofs(pool).evidence(package_id) for package_id in packages]
    return [proof.prove(piece) for piece in evidence if piece is not None]
