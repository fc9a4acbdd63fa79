"""What a detector is."""

from dataclasses import dataclass

from consumer.domain.redaction.placeholders import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A secret's place in a text."""

    start: int
    stop: int
    kind: Kind
    known: bool
    """Whether the value is telling enough to be looked for in the rest of the session."""
