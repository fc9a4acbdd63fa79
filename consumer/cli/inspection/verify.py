"""`verify`: compares a package with the stored events that it was made from."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from consumer.cli import output
from consumer.cli.inspection.show import Json
from consumer.errors import Permanent

if TYPE_CHECKING:
    from consumer.domain.package.proof import Proof, ProofResult, RestingLine, SourceRecord, StoredEvidence, TextVerdict

_SHOWN = 100
"""Characters of a line that are shown: enough to recognise it."""


def verify(
    package_id: Annotated[UUID, typer.Argument(help="The package's id, as `package list` shows it.")],
    *,
    as_json: Json = False,
) -> None:
    """Prove a package from the stored events and show what each line rests on. Exits with 0 when proven, else 1."""
    from consumer.domain.package import proof
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_proofs

    async def read() -> "StoredEvidence | None":
        async with open_proofs(read_settings()) as proofs:
            return await proofs.evidence(package_id)

    evidence = asyncio.run(read())
    if evidence is None:
        raise Permanent(f"No package {package_id} is known. `escalation-consumer package list` shows those that are.")
    result = proof.prove(evidence)
    if as_json:
        output.as_json(_plain(evidence, result))
    else:
        _say(evidence, result)
    if not holds(result):
        raise typer.Exit(1)


def holds(result: "Proof") -> bool:
    """Returns whether the events prove the digest, also across a noted redaction, and the text was not altered."""
    from consumer.domain.package.proof import TextVerdict

    return result.verdict.holds and result.text is not TextVerdict.ALTERED


def _plain(evidence: "StoredEvidence", result: "Proof") -> dict[str, object]:
    package = evidence.package
    return {
        "package_id": package.package_id,
        "verified": holds(result),
        "verdict": result.verdict,
        "published_sha256": result.published_sha256,
        "rebuilt_sha256": result.rebuilt_sha256,
        "redacted_at": evidence.redacted_at,
        "state_version": package.state_version,
        "events": {"accepted_by_then": evidence.arrivals, "stored_of_them": len(evidence.events)},
        "text": result.text,
        "content_sha256": package.content_sha256,
        "status": package.status,
        "provenance": package.provenance.model_dump(mode="json"),
        "lines": [
            {
                "section": line.section,
                "text": line.text,
                "rests_on": [{"record": name, **_named(result.records.get(name))} for name in line.records],
            }
            for line in result.lines
        ],
    }


def _named(record: "SourceRecord | None") -> dict[str, object]:
    return {} if record is None else asdict(record)


def _say(evidence: "StoredEvidence", result: "Proof") -> None:
    package, provenance = evidence.package, evidence.package.provenance
    output.say(_meaning(result.verdict))
    output.heading("Where it comes from")
    output.fields(
        {
            "package": package.package_id,
            "note": f"{package.note_key}, revision {package.revision}",
            "published digest": result.published_sha256,
            "rebuilt digest": result.rebuilt_sha256 or "nothing is stored to build from",
            "digest noted": evidence.redacted_sha256,
            "noted at": evidence.redacted_at,
            "events": f"{len(evidence.events)} stored of {evidence.arrivals} accepted by then, "
            f"up to version {package.state_version}",
            "drafted by": f"{provenance.model or 'rules'}, {provenance.attempts} calls",
            "drafted at": provenance.drafted_at,
            "prompt": f"{provenance.prompt_version}{' (of this release)' * _is_ours(provenance.prompt_version)}",
            "tokens": ", ".join(f"{name.removesuffix('_tokens')} {count}" for name, count in provenance.usage),
            "text": _of_text(result.text),
        }
    )
    for section in package.sections:
        output.heading(section.heading)
        for line in result.lines:
            if line.section is section.key:
                _say_line(line, result.records)


def _meaning(verdict: "ProofResult") -> str:
    from consumer.domain.package.proof import ProofResult

    meanings = {
        ProofResult.VERIFIED: "Verified: the stored events give the published digest.",
        ProofResult.REDACTED: "Verified: a value became known as a secret after this package, and was removed from the "
        "stored texts. Before that they gave the published digest; since then they give the one noted at the removal.",
        ProofResult.INCOMPLETE: "Not verified: not all of the events that it was made from are stored.",
        ProofResult.OTHER_RELEASE: "Not verified: the stored events give another digest, and another release made the "
        "package, whose bundles may have looked otherwise.",
        ProofResult.MISMATCH: "Not verified: the stored events give another digest.",
    }
    return meanings[verdict]


def _of_text(verdict: "TextVerdict") -> str:
    from consumer.domain.package.proof import TextVerdict

    meanings = {
        TextVerdict.REPRODUCED: "the kept draft gives it again, byte by byte",
        TextVerdict.REDACTED: "a secret that became known later was removed from it; its digest was renewed then",
        TextVerdict.NO_DRAFT: "has its digest; the draft that it was written from is no longer kept",
        TextVerdict.OTHER_DRAFT: "has its digest; the draft that is kept now, or this release, writes another text",
        TextVerdict.ALTERED: "DOES NOT HAVE its digest: it was altered",
    }
    return meanings[verdict]


def _is_ours(version: str) -> bool:
    from consumer.domain.language.languages import LANGUAGES
    from consumer.domain.reader import versions

    return version in {versions.prompts_in(language) for language in LANGUAGES}


def _say_line(line: "RestingLine", records: "Mapping[str, SourceRecord]") -> None:
    text = line.text if len(line.text) <= _SHOWN else f"{line.text[: _SHOWN - 1]}…"
    output.say(f"  {text}")
    output.say(f"    {'; '.join(_shown(line.records, records)) or 'rests on no record'}")


def _shown(names: Iterable[str], records: "Mapping[str, SourceRecord]") -> Iterable[str]:
    from consumer.domain.writing import fence

    for name in names:
        if name == fence.DESCRIPTION:
            yield "P1 the session's description"
        elif name == fence.REASON:
            yield "R1 the request's reason"
        elif (record := records.get(name)) is not None:
            versions = ", ".join(str(version) for version in record.versions)
            yield f"{name} {record.kind} {record.id} (version{'s' * (len(record.versions) > 1)} {versions})"
        else:
            yield name
