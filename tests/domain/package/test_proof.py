"""A package of any language is proven from its events in that language."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import RequestKey
from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES
from consumer.domain.package import package, proof
from consumer.domain.package.proof import ProofResult, StoredEvidence, TextVerdict
from consumer.domain.reader import versions
from consumer.domain.request.work import TenantPolicy
from consumer.domain.review import gate
from schemas.packages import Cause, PackageReady, PackageStatus, Provenance, SectionKey, Usage
from schemas.topics import Topics
from tests.domain import answers
from tests.support import build

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EVENTS = build.in_order(*answers.events())


def published(bundle: Bundle) -> PackageReady:
    return package.ready(
        package.Sender(topics=Topics(), source="/escalation-consumer"),
        package.Note(key=RequestKey(*build.KEY, "r-1"), requested_state_version=None, ticket=None),
        package.Revision(
            number=1, cause=Cause.REQUEST, replay_id=None, supersedes=None, previous_ticket=None, state_version=2
        ),
        gate.by_rules(bundle).rendered,
        references={},
        status=PackageStatus.FALLBACK,
        from_cache=False,
        provenance=Provenance(
            bundle_sha256=bundle.sha256,
            event_count=len(EVENTS),
            prompt_version=versions.prompts_in(bundle.language),
            model=None,
            drafted_at=AT,
            attempts=0,
            usage=Usage(),
        ),
        redactions=0,
        warnings=(),
        policy=TenantPolicy(),
        at=AT,
    ).ready


def evidence(
    language: Language, change: Callable[[PackageReady], PackageReady] = lambda ready: ready
) -> StoredEvidence:
    made = published(build.bundle_of(EVENTS, reason=answers.REASON, language=language))
    return StoredEvidence(
        package=change(made), key=build.KEY, arrivals=len(EVENTS), events=EVENTS, reason=answers.REASON
    )


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_it_is_proven_and_reproduced(language: Language) -> None:
    result = proof.prove(evidence(language))
    assert (result.verdict, result.text) == (ProofResult.VERIFIED, TextVerdict.REPRODUCED)
    confirmed = [line.records for line in result.lines if line.section is SectionKey.CONFIRMED]
    assert confirmed == [("F1",), ("F2",), ("F3",)]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_another_digest_under_the_prompt_of_this_release_is_a_mismatch(language: Language) -> None:
    assert proof.prove(replace(evidence(language), reason="Another one.")).verdict is ProofResult.MISMATCH


@pytest.mark.parametrize("tag", ["en", "xx"])
def test_a_changed_or_unknown_language_proves_nothing(tag: str) -> None:
    result = proof.prove(evidence(GERMAN, lambda ready: ready.model_copy(update={"language": tag})))
    assert result.verdict is ProofResult.OTHER_RELEASE
    assert not result.verdict.holds


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_the_digest_of_stored_events_is_that_of_a_language(language: Language) -> None:
    bundle = build.bundle_of(EVENTS, language=language)
    assert proof.bundle_digest(build.KEY, EVENTS, None, language.tag) == bundle.sha256
    assert (proof.bundle_digest(build.KEY, EVENTS, None) == bundle.sha256) == (language is ENGLISH)
