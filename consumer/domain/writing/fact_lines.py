"""What a fact's bullet says beside its text: whose word it is, whether it is a finding, how often it was recorded."""

import re
from collections.abc import Sequence

from consumer.domain.bundle.records import FactRecord
from consumer.domain.text import orders
from consumer.domain.text.sanitize import clean, shorten

_OWN = re.compile(r"check|observ|engineer|technician|measure|test", re.IGNORECASE)
"""Kinds of sources that are a check or an engineer's own observation (the vocabulary is open)."""
_LONGEST_SOURCE = 60


def merged(facts: Sequence[FactRecord]) -> list[tuple[FactRecord, ...]]:
    """The facts, those with equal texts together, at the place of the first."""
    groups: dict[str, list[FactRecord]] = {}
    for fact in facts:
        groups.setdefault(clean(fact.text), []).append(fact)
    return [tuple(same) for same in groups.values()]


def speaker(same: Sequence[FactRecord]) -> FactRecord:
    """The fact whose source stands for all with this text: a check or an own observation, if one is among them."""
    return next((fact for fact in same if whose_word(fact) is None), same[0])


def source(fact: FactRecord) -> str:
    """The source in words: its kind, and its summary where there is one."""
    kind = shorten(clean(fact.source_type).replace("_", " ").capitalize(), 40) or "Recorded"
    summary = shorten(clean(fact.source_summary), _LONGEST_SOURCE) if fact.source_summary else ""
    return f"{kind} ({summary})" if summary else kind


def whose_word(fact: FactRecord) -> str | None:
    """The source of what is neither a check nor an engineer's own observation."""
    return None if _OWN.search(fact.source_type) else source(fact)


def is_address(fact: FactRecord) -> bool:
    """Whether the text asks or orders something, and so finds nothing. An engineer's own notes may be brief orders."""
    if whose_word(fact) is None:
        return orders.to_the_machine(fact.text)
    return orders.addresses_reader(fact.text)


def repetitions(same: Sequence[FactRecord]) -> str:
    """How often equal facts were recorded, and when last; empty for a single one."""
    if len(same) == 1:
        return ""
    last = max((fact.recorded_at for fact in same if fact.recorded_at is not None), default=None)
    when = f", last on {last.day} {last:%B %Y at %H:%M} {last.tzname() or 'UTC'}" if last is not None else ""
    return f" (recorded {len(same)} times{when})"
