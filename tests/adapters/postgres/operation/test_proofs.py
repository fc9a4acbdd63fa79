"""Packages proven from the events on a real PostgreSQL."""

import json
from typing import Any
from uuid import UUID

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.operation.proofs import Proofs
from consumer.domain.package import proof
from consumer.domain.package.proof import Proof, ProofResult, TextVerdict
from schemas.packages import SectionKey
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, change, request

SECRET = "Hunter-77-blue!"


def fact(text: str, *, version: int, **attributes: Any) -> dict[str, Any]:
    return change(data=FACT | {"fact_id": f"f{version}", "text": text}, version=version, **attributes)


def opened(*, version: int = 1) -> dict[str, Any]:
    return change("session.opened.v1", {"title": "Printer offline"}, version=version)


def script(*, version: int, secret: str = SECRET) -> dict[str, Any]:
    schema = {"parameters": [{"key": "pw", "field_type": "password"}]}
    data = {
        "generation_id": f"g{version}",
        "template": {"name": "Map drive", "parameters_schema": schema},
        "parameters_used": {"pw": secret},
    }
    return change("session.script_generated.v1", data, version=version)


async def proven(pool: Pool, package_id: UUID) -> Proof:
    evidence = await Proofs(pool).evidence(package_id)
    assert evidence is not None
    return proof.prove(evidence)


async def verdicts(pool: Pool, packages: list[UUID]) -> list[ProofResult]:
    return [(await proven(pool, package_id)).verdict for package_id in packages]


async def test_each_revision_is_proven_from_what_was_accepted_by_then(pool: Pool, filler: StoreFiller) -> None:
    """Later events, even those below its version, do not count as what it was made from."""
    await filler.store(opened(), fact("Ping works.", version=7), request(reason="The customer waits."))
    await filler.draft()
    await filler.store(fact("It came late, and stands below.", version=3))
    await filler.draft()
    await filler.store(fact("It is newer.", version=9))
    packages = await filler.draft()
    assert len(packages) == 3
    for package_id in packages:
        result = await proven(pool, package_id)
        assert (result.verdict, result.text) == (ProofResult.VERIFIED, TextVerdict.REPRODUCED)
        assert result.rebuilt_sha256 == result.published_sha256


async def test_each_line_names_the_events_it_rests_on(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(
        opened(),
        fact("Ping works.", version=2),
        change("session.fact_revised.v1", {"fact_id": "f2", "text": "Ping works again."}, version=4),
        script(version=5),
        change(
            "session.fix_suggested.v1",
            {"fix_id": "fx", "title": "Swap the cable", "description": "It is bent.", "confidence_pct": 90},
            version=6,
        ),
        change("session.fix_outcome_recorded.v1", {"fix_id": "fx", "status": "applied_failed"}, version=8),
        request(),
    )
    (package,) = await filler.draft()
    result = await proven(pool, package)
    event = json.loads(await pool.fetchval("SELECT event FROM packages"))
    tried = {line["text"].split()[0]: line["records"] for line in event["sections"][2]["lines"]}
    assert tried["Script"] == [{"kind": "script", "id": "g5", "state_version": 5, "event_id": "e5"}]
    assert tried["Fix:"] == [{"kind": "fix", "id": "fx", "state_version": 8, "event_id": "e8"}]
    assert event["sections"][0]["lines"][0]["records"] == [
        {"kind": "session", "id": "s1", "state_version": 1, "event_id": "e1"}
    ]
    rests_on = {
        (line.section, line.text.split()[0]): [
            (result.records[key].kind, result.records[key].id, result.records[key].versions)
            for key in line.records
            if key in result.records
        ]
        for line in result.lines
    }
    assert rests_on[SectionKey.CONFIRMED, "User"] == [("fact", "f2", (2, 4))]
    assert rests_on[SectionKey.TRIED, "Script"] == [("script", "g5", (5,))]
    assert rests_on[SectionKey.TRIED, "Fix:"] == [("fix", "fx", (6, 8))]
    assert [line.records for line in result.lines if line.section is SectionKey.PROBLEM] == [("P1",)]
    assert [line.records for line in result.lines if line.section is SectionKey.HYPOTHESIS] == [("X1",)]


async def test_a_later_redaction_is_said_and_breaks_no_proof(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(opened(), fact(f"Logged in with {SECRET}", version=2), request(reason=f"It says {SECRET}"))
    await filler.draft()
    await filler.store(script(version=3))
    await filler.store(script(version=4, secret="Ping works at last"), fact("Another Ping works at last.", version=5))
    packages = await filler.draft()
    first, last = await proven(pool, packages[0]), await proven(pool, packages[-1])
    assert (first.verdict, first.text) == (ProofResult.REDACTED, TextVerdict.REDACTED)
    assert first.rebuilt_sha256 != first.published_sha256
    assert (last.verdict, last.text) == (ProofResult.VERIFIED, TextVerdict.REPRODUCED)
    assert SECRET not in str(await pool.fetch("SELECT data FROM session_events"))


async def test_two_redactions_one_after_the_other_break_no_proof(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(opened(), fact(f"{SECRET}, then Winter-88-green!", version=2), request())
    (package, *_) = await filler.draft()
    await filler.store(script(version=3))
    await filler.store(script(version=4, secret="Winter-88-green!"))
    assert (await proven(pool, package)).verdict is ProofResult.REDACTED


async def test_what_was_altered_by_hand_is_found(pool: Pool, filler: StoreFiller) -> None:
    """A later redaction does not turn a mismatch into a proof."""
    await filler.store(opened(), fact(f"Ping works, says {SECRET}", version=2), request())
    (package,) = await filler.draft()
    await pool.execute("UPDATE session_events SET data = replace(data, 'works', 'fails')")
    assert (await proven(pool, package)).verdict is ProofResult.MISMATCH
    await filler.store(script(version=3))
    assert (await proven(pool, package)).verdict is ProofResult.MISMATCH


async def test_an_altered_text_is_found(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(opened(), request())
    (package,) = await filler.draft()
    await pool.execute("UPDATE packages SET event = replace(event, 'Printer', 'Scanner')")
    result = await proven(pool, package)
    assert (result.verdict, result.text) == (ProofResult.VERIFIED, TextVerdict.ALTERED)


async def test_missing_events_are_said(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(opened(), fact("Ping works.", version=2), request())
    (package,) = await filler.draft()
    await pool.execute("DELETE FROM session_events WHERE version = 2")
    assert (await proven(pool, package)).verdict is ProofResult.INCOMPLETE
    await pool.execute("DELETE FROM session_events")
    assert (await proven(pool, package)).verdict is ProofResult.INCOMPLETE


async def test_of_another_release_a_mismatch_is_no_accusation(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(opened(), fact("Ping works.", version=2), request())
    (package,) = await filler.draft()
    await pool.execute("UPDATE session_events SET data = replace(data, 'works', 'fails')")
    await pool.execute(
        "UPDATE packages SET event = jsonb_set(event::jsonb, '{provenance,prompt_version}', '\"0123\"')::text"
    )
    assert (await proven(pool, package)).verdict is ProofResult.OTHER_RELEASE


async def test_every_query_can_be_prepared(pool: Pool) -> None:
    queries = Queries("proofs")
    async with pool.acquire() as connection:
        for name in queries.names():
            await connection.prepare(getattr(queries, name))
