"""Compares what was published with what a planned replay would publish, as far as that is known without the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consumer.domain.bundle import bundle
from consumer.domain.reader import versions
from consumer.domain.replay.comparison import Difference, compare_sections
from consumer.domain.replay.weighing import Candidate
from consumer.domain.session import session
from consumer.domain.writing.ledger import DraftKey
from consumer.flows.replay.planning import PlanSource
from schemas.packages import PackageReady


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedItem:
    """An item of a plan, with the package that was published last for its request."""

    candidate: Candidate
    why: tuple[str, ...]
    published: PackageReady


class PlannedItems(PlanSource, Protocol):
    """Stored plans, and what `PlanSource` gives. Every method raises Transient while the database is away."""

    async def items(
        self, replay_id: str, *, request: str | None = None, session: str | None = None, limit: int
    ) -> Sequence[PlannedItem]:
        """Returns the items in the plan's order, without those whose request has no package any more."""


async def compare_items(
    source: PlannedItems,
    replay_id: str,
    *,
    request: str | None = None,
    session_id: str | None = None,
    limit: int,
    model_name: str,
    calls_model: bool,
) -> list[Difference]:
    """What would change in the packages of the first `limit` items. Raises Transient."""
    differences = []
    for planned in await source.items(replay_id, request=request, session=session_id, limit=limit):
        key = planned.candidate.key
        history = await source.history(key.session)
        if history is None or history.erased or not history.events:
            continue
        folded = session.fold(key.session, history.events)
        language = planned.candidate.policy.language
        built = bundle.build(folded, reason=planned.candidate.reason, language=language)
        differences.append(
            compare_sections(
                planned.candidate,
                planned.why,
                planned.published.sections,
                built,
                await source.drafts(key.session),
                DraftKey(*key.session, built.sha256, versions.prompts_in(built.language), model_name),
                calls_model=calls_model,
            )
        )
    return differences
