"""The topics of the contract, with the prefix that lets several environments share a cluster."""

from dataclasses import dataclass
from functools import cached_property

SESSIONS = "session-state-changed"
REQUESTS = "escalation-requested"
READY = "escalation-package-ready"
FAILED = "escalation-package-failed"
FEEDBACK = "escalation-package-feedback"
POLICIES = "escalation-tenant-policy"
REPLAY_SUFFIX = ".replay"
DEAD_LETTER_SUFFIX = ".dlq"


def cleanup_of(topic: str) -> str:
    """The `cleanup.policy` of a topic, by its name with or without a prefix."""
    return "compact" if topic.endswith(POLICIES) else "delete"


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
    def feedback(self) -> str:
        return self.prefix + FEEDBACK

    @property
    def policies(self) -> str:
        """Compacted: the last event of a tenant is its policy."""
        return self.prefix + POLICIES

    @property
    def live(self) -> tuple[str, ...]:
        """What other services write to."""
        return self.sessions, self.requests, self.feedback, self.policies

    @property
    def replay(self) -> tuple[str, str]:
        """The same events, sent again on purpose; read at lower priority."""
        return self.sessions + REPLAY_SUFFIX, self.requests + REPLAY_SUFFIX

    @property
    def dead_letter(self) -> tuple[str, ...]:
        return tuple(topic + DEAD_LETTER_SUFFIX for topic in self.live)

    @property
    def written(self) -> tuple[str, ...]:
        """What this service alone writes to."""
        return (self.ready, self.failed, *self.dead_letter)

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.live, *self.replay, *self.written)

    def carries_sessions(self, topic: str) -> bool:
        """Whether a record of `topic` belongs to the session events."""
        return topic in self._of_sessions

    @cached_property
    def _of_sessions(self) -> frozenset[str]:  # asked for every record
        return frozenset({self.sessions, self.sessions + REPLAY_SUFFIX})

    def is_replay(self, topic: str) -> bool:
        return topic.endswith(REPLAY_SUFFIX)

    def dead_letter_of(self, topic: str) -> str:
        """The dead-letter topic for records of `topic`, live or replayed."""
        return topic.removesuffix(REPLAY_SUFFIX) + DEAD_LETTER_SUFFIX
