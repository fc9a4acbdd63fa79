"""Weighs one request for a replay: whether its package would change, why, and where the draft would come from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost.estimates import Measured
from consumer.domain.cost.usage import drafting_usage
from consumer.domain.events import RequestKey
from consumer.domain.reader import versions
from consumer.domain.rendering import markdown
from consumer.domain.request.work import LastPackage, TenantPolicy
from consumer.domain.review import gate
from consumer.domain.writing import prompt
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from schemas.packages import PackageStatus, Usage


class Why(StrEnum):
    """A reason for a change: what differs from the last package."""

    BUNDLE = "bundle"
    PROMPT = "prompt"
    MODEL = "model"
    TEXT = "text"
    """Only the text that code makes from the same draft."""


class DraftSource(StrEnum):
    """Where the draft of a package would come from."""

    CALL = "call"
    SHARED = "shared"
    """A call that another request of the session pays for."""
    LEDGER = "ledger"
    RULES = "rules"
    """Rules draft, because the model has declined this bundle and is not asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A request with a package."""

    key: RequestKey
    reason: str | None
    last: LastPackage
    policy: TenantPolicy = field(default_factory=TenantPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDraft:
    """A draft in the ledger. `entry` is None if the model declined."""

    key: DraftKey
    entry: LedgerEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem:
    """A request whose package would change."""

    key: RequestKey
    why: tuple[Why, ...]
    source: DraftSource | None
    """None if no other draft is needed, because only the text that code makes would differ."""
    renders: bool
    """Whether the stored drafts already give another text."""
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    """The estimated usage of its call."""
    estimate_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The result of weighing a candidate. `characters` is how many characters of records a call would send."""

    item: PlanItem
    characters: int
    measured: Measured | None


def weigh(
    candidate: Candidate,
    bundle: Bundle,
    drafts: Sequence[KnownDraft],
    *,
    model_name: str,
    paid: Collection[str] = (),
) -> Weighed:
    """Weighs a candidate with its newest bundle.

    `drafts` are those of the session, the newest first. `paid` are the digests of bundles for which other requests of
    the session pay a call.
    """
    last = candidate.last
    prompts = versions.prompts_in(bundle.language)
    key = DraftKey(*candidate.key.session, bundle.sha256, prompts, model_name)
    why = tuple(
        reason
        for reason, differs in (
            (Why.BUNDLE, last.bundle_sha256 != bundle.sha256),
            (Why.PROMPT, last.prompt_version != prompts),
            (Why.MODEL, last.model != model_name),
        )
        if differs
    )
    wanted = next((draft for draft in drafts if draft.key == key), None)
    source = _source(why, wanted, last, bundle, paid)
    if source is None:
        why = ()
    renders = _renders(last, bundle, drafts, key)
    if renders and not why:
        why = (Why.TEXT,)
    characters = len(prompt.user_turn(bundle, "0" * 16))
    usage = _usage_of_one_call(drafts, bundle, model_name)
    return Weighed(
        item=PlanItem(key=candidate.key, why=why, source=source, renders=renders),
        characters=characters,
        measured=None if usage is None else Measured(characters=characters, usage=usage),
    )


def render_stored(
    last: LastPackage, bundle: Bundle, drafts: Sequence[KnownDraft], key: DraftKey
) -> markdown.Rendered | None:
    """The text of a stored draft of the bundle, preferably the one of `key`.

    Without such a draft it is the text by rules if rules drafted the last package, else None.
    """
    of_bundle = [draft for draft in drafts if draft.key.bundle_sha256 == bundle.sha256 and draft.entry is not None]
    chosen = next((draft for draft in of_bundle if draft.key == key), of_bundle[0] if of_bundle else None)
    if chosen is not None and chosen.entry is not None:
        return markdown.render(bundle, Draft.model_validate_json(chosen.entry.draft))
    return gate.by_rules(bundle).rendered if last.status is PackageStatus.FALLBACK else None


def _source(
    why: Sequence[Why], wanted: KnownDraft | None, last: LastPackage, bundle: Bundle, paid: Collection[str]
) -> DraftSource | None:
    if not why:
        return None
    if wanted is None:
        return DraftSource.SHARED if bundle.sha256 in paid else DraftSource.CALL
    if wanted.entry is not None:
        return DraftSource.LEDGER
    # Rules draft what the model has declined. An equal bundle would only give its reader the same package again.
    return None if last.bundle_sha256 == bundle.sha256 else DraftSource.RULES


def _renders(last: LastPackage, bundle: Bundle, drafts: Sequence[KnownDraft], key: DraftKey) -> bool:
    text = render_stored(last, bundle, drafts, key)
    return text is not None and sha256(text.markdown.encode()).hexdigest() != last.content_sha256


def _usage_of_one_call(drafts: Sequence[KnownDraft], bundle: Bundle, model_name: str) -> Usage | None:
    """The usage of the newest draft of this bundle and model that took a single call; None if there is none."""
    for draft in drafts:
        same = (draft.key.bundle_sha256, draft.key.model) == (bundle.sha256, model_name)
        if same and draft.entry is not None and draft.entry.attempts == 1:
            return drafting_usage(draft.entry.usage, draft.entry.checks_usage)
    return None
