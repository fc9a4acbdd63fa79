"""The counts of a run, in one place."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

RequestName = tuple[str, str, str]


@dataclass(slots=True, kw_only=True)
class Sample:
    """The steady replica at the end of a quiet phase."""

    seconds: float
    answered: int
    rss_mb: float
    descriptors: int
    tasks: int
    """By the service's own metric."""
    blocks: int
    objects: int
    statements: int = 0
    """Prepared ones, which come and go with connections."""
    containers: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By identity: what it is, and how long."""
    types: dict[str, int] = field(default_factory=dict)
    named_tasks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    faults: Counter[str] = field(default_factory=Counter)
    records: int = 0
    sessions: int = 0
    requested: set[RequestName] = field(default_factory=set)
    answered: set[RequestName] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    """Events that a reader of the topics saw a second time."""
    packages: list[dict[str, Any]] = field(default_factory=list)
    """The newest packages, to give feedback on."""
    lag: float | None = None
    stuck: set[str] = field(default_factory=set)
    phase: str = "starting"
    replicas: dict[str, dict[str, float]] = field(default_factory=dict)
    """Megabytes, descriptors and tasks of each replica that runs."""
    samples: list[Sample] = field(default_factory=list)
    settled_in: list[float] = field(default_factory=list)
    """How long each quiet phase took until no work was left."""
    complaints: list[str] = field(default_factory=list)
    commands: Counter[str] = field(default_factory=Counter)
