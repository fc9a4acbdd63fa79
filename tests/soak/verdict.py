"""The final oracle: what must hold when all is healed and no work is left."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.domain.events import Origin
from tests.soak import logs, trend
from tests.soak.bills import Bills
from tests.soak.figures import Figures, Sample
from tests.soak.histories import SECRET
from tests.soak.poison import HOSTILE, MARK, POISON
from tests.soak.tenants import Tenant
from tests.support.oracle import Written
from tests.support.stage import Stage

WARM_SECONDS = 600.0
WARM_SHARE = 1 / 3
"""Of a run that is shorter than that."""
FLAT = 0.05
LEAK_PER_REQUEST = 0.1
"""Elements by which no container may grow for each request that all replicas answered."""
MORE_DESCRIPTORS = 6
MORE_TASKS = 4
"""Pools and their keepers breathe. A leak of one for each fault is more than that."""
RSS_RUN_SECONDS = 900.0
"""A shorter run says nothing of the resident memory: the allocator still takes its first arenas."""
CALLS_AT_ONCE = 4
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    complaints: list[str]
    lines: Counter[str] = field(default_factory=Counter)
    """Log lines by level and event."""
    planted: int = 0
    dead_letters: int = 0
    trends: Mapping[str, trend.Trend | None] = field(default_factory=dict)


async def judged(
    stage: Stage,
    figures: Figures,
    bills: Bills,
    tenants: list[Tenant],
    *,
    remembered: Mapping[str, Collection[int]],
    seconds: float,
    replicas: int,
) -> Verdict:
    """Reads everything that is left of the run."""
    lines: Counter[str] = Counter()
    wrong = list(figures.complaints)
    planted, hostile = await _marked(stage)
    written = await stage.oracle.read()
    refused = planted | (hostile & _refused(written))
    try:
        await stage.oracle.check(
            refused=refused,
            secrets=(SECRET,),
            logs=[service.log for service in stage.services],
            model_requests=[request.raw for request in (*stage.model.requests, *stage.model.checks)],
            remembered=remembered,
        )
    except AssertionError as error:
        wrong += str(error).splitlines()[: _SHOWN + 1]
    wrong += [f"a reader saw {event_id} twice" for event_id in figures.twice]
    wrong += [f"{name} was never answered" for name in sorted(figures.requested - figures.answered)[:_SHOWN]]
    wrong += list(logs.complaints([service.log for service in stage.services], lines))[:_SHOWN]
    wrong += list(spend_complaints(bills, tenants, replicas=replicas))
    wrong += list(growth_complaints(figures.samples, seconds=seconds))
    return Verdict(
        complaints=wrong,
        lines=lines,
        planted=len(planted),
        dead_letters=len(written.dead_letters),
        trends=trends(figures.samples),
    )


async def _marked(stage: Stage) -> tuple[set[Origin], set[Origin]]:
    """The records on the topics that were meant to be refused, and those that may be."""
    marks: dict[bytes, set[Origin]] = {POISON: set(), HOSTILE: set()}
    topics = [*stage.topics.live, *stage.topics.replay]
    async with TopicReader(topics, bootstrap_servers=stage.bootstrap_servers) as reader:
        for record in await reader.read_to_end():
            for name, value in record.headers:
                if name == MARK:
                    marks[value].add(record.origin._replace(timestamp_ms=-1))
    return marks[POISON], marks[HOSTILE]


def _refused(written: Written) -> set[Origin]:
    """The records that were refused, by their dead letters."""
    headers = [{name: value.decode() for name, value in letter.headers} for letter in written.dead_letters]
    return {Origin(each["dlq.topic"], int(each["dlq.partition"]), int(each["dlq.offset"])) for each in headers}


def spend_complaints(bills: Bills, tenants: list[Tenant], *, replicas: int) -> Iterator[str]:
    """Beyond a budget at most the calls that were under way when it was used up."""
    under_way = (replicas + 1) * CALLS_AT_ONCE
    for tenant in tenants:
        if tenant.wish == "off" and bills.calls[tenant.tenant_id]:
            yield f"{bills.calls[tenant.tenant_id]} calls for {tenant.tenant_id}, which wants no model"
        if tenant.budget_usd is not None:
            known = bills.usd[tenant.tenant_id] - bills.lost_usd[tenant.tenant_id]
            if known > tenant.budget_usd + under_way * bills.dearest_usd:
                yield f"{tenant.tenant_id} spent {known:.4f} $ of {tenant.budget_usd:.4f} $"


def trends(samples: Sequence[Sample]) -> dict[str, trend.Trend | None]:
    """The lines through what was sampled after the warm-up, over the requests that were answered."""
    warm = _warm(samples)
    work = [float(sample.answered) for sample in warm]
    figures = {
        name: [float(getattr(sample, name)) for sample in warm]
        for name in ("rss_mb", "blocks", "objects", "descriptors", "tasks")
    }
    # Prepared statements are bounded, and swing more than any leak: growth is looked for beside theirs.
    statements = [float(sample.statements) for sample in warm]
    without = trend.beside(work, statements)
    lines = {name: trend.fitted(list(zip(work, values, strict=True))) for name, values in figures.items()}
    for name in ("blocks", "objects"):
        lines[name] = trend.fitted(list(zip(without, trend.beside(figures[name], statements), strict=True)))
    return lines


def _warm(samples: Sequence[Sample]) -> list[Sample]:
    if not samples:
        return []
    whole = samples[-1].seconds
    begin = WARM_SECONDS if whole > 2 * WARM_SECONDS else whole * WARM_SHARE
    return [sample for sample in samples if sample.seconds >= begin]


def growth_complaints(samples: Sequence[Sample], *, seconds: float) -> Iterator[str]:
    """Of the steady replica."""
    lines, warm = trends(samples), _warm(samples)
    blocks, memory = lines["blocks"], lines["rss_mb"]
    yield from leaks(warm)
    if blocks is not None and blocks.grows and blocks.share > FLAT:
        yield (
            f"memory: {blocks.slope:.1f} ± {blocks.error:.1f} small objects more for each request; "
            f"{grown_types(warm[0], warm[-1])}"
        )
    if seconds >= RSS_RUN_SECONDS and memory is not None and memory.grows and memory.share > FLAT:
        yield f"memory grew by {memory.share:.1%} after the warm-up, to {warm[-1].rss_mb:.0f} MB"
    for name, most in (("descriptors", MORE_DESCRIPTORS), ("tasks", MORE_TASKS)):
        line = lines[name]
        if line is not None and line.grows and line.slope * line.span > most:
            yield f"{name}: {getattr(warm[0], name)} became {getattr(warm[-1], name)}; tasks: {warm[-1].named_tasks}"


def leaks(samples: Sequence[Sample]) -> Iterator[str]:
    """Containers that live through all samples and grow with the requests, be it by something small."""
    if not samples:
        return
    for identity in set.intersection(*(set(sample.containers) for sample in samples)):
        kinds = {sample.containers[identity][0] for sample in samples}
        line = trend.fitted([(float(each.answered), float(each.containers[identity][1])) for each in samples])
        if len(kinds) == 1 and line is not None and line.grows_by(LEAK_PER_REQUEST):
            last = samples[-1].containers[identity][1]
            yield f"memory: {kinds.pop()} grows by {line.slope:.2f} ± {line.error:.2f} for each request, to {last}"


def grown_types(first: Sample, last: Sample) -> str:
    """What there is more of."""
    more = Counter(last.types)
    more.subtract(first.types)
    return ", ".join(f"{name} +{count}" for name, count in more.most_common(6) if count > 0)
