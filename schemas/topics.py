"""The topics of the contract, with the prefix that lets several environments share a cluster."""

from dataclasses import dataclass
from functools import cached_property

SESSIONS = "session-state-changed"
REQUESTS = "escalation-requested"
READY = "escalation-package-ready"
FAILED = "escalation-package-failed"
REPLAY_SUFFIX = ".replay"
DEAD_LETTER_SUFFIX = ".dlq"


@dataclass(frozen=True)
class Topics:
    """Full topic names of one environment; `prefix` is prepended as it is."""

    prefix: str = ""

    @property
    def sessions(self) -> str:
        return self.prefix + SESSIONS

    @property
    def requests(self) -> str:
        return self.prefix + REQUESTS

    @property
    def ready(self) -> str:
        return self.prefix + READY

    @property
    def failed(self) -> str:
        return self.prefix + FAILED

    @property
    def live(self) -> tuple[str, str]:
        """What upstream services write to."""
        return self.sessions, self.requests

    @property
    def replay(self) -> tuple[str, str]:
        """The same events, sent again on purpose; read at lower priority."""
        return self.sessions + REPLAY_SUFFIX, self.requests + REPLAY_SUFFIX

    @property
    def dead_letter(self) -> tuple[str, str]:
        return self.sessions + DEAD_LETTER_SUFFIX, self.requests + DEAD_LETTER_SUFFIX

    @property
    def written(self) -> tuple[str, ...]:
        """What this service alone writes to."""
        return (self.ready, self.failed, *self.dead_letter)

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.live, *self.replay, *self.written)

    def carries_sessions(self, topic: str) -> bool:
        """Whether a record of `topic` belongs to the session events (else: to the requests)."""
        return topic in self._of_sessions

    @cached_property
    def _of_sessions(self) -> frozenset[str]:  # asked for every record
        return frozenset({self.sessions, self.sessions + REPLAY_SUFFIX})

    def is_replay(self, topic: str) -> bool:
        return topic.endswith(REPLAY_SUFFIX)

    def dead_letter_of(self, topic: str) -> str:
        """The dead-letter topic for records of `topic`, live or replayed."""
        return topic.removesuffix(REPLAY_SUFFIX) + DEAD_LETTER_SUFFIX
