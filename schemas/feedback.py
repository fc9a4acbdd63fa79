"""`escalation-package-feedback`: what became of a package, told by the PSA sync or by the engineer who got it."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from schemas.envelope import Received
from schemas.fields import Id, NumberOrText, OptionalText, Word
from schemas.packages import SectionKey

MOST_TAGS = 32


class FeedbackOutcome(StrEnum):
    """What became of a package."""

    POSTED = "posted"
    """It stands in its ticket."""
    ACCEPTED = "accepted"
    """The engineer took it as it is."""
    EDITED = "edited"
    """The engineer took it and changed it."""
    REJECTED = "rejected"
    """It was of no use."""
    FAILED = "failed"
    """It could not be posted."""


def _listed(value: Any) -> Any:
    return () if value is None else value


class PackageFeedback(Received):
    """`escalation.package_feedback.v1`: it changes no package. The same event `id` again is nothing."""

    package_id: Id
    """The package in question; one that the service does not know is kept and counted."""
    outcome: FeedbackOutcome
    """What became of it."""
    note_id: NumberOrText | None = None
    """The note's id in the PSA."""
    reason: OptionalText = None
    """Why, in a few words: of a failure or a rejection."""
    tags: Annotated[tuple[Word, ...], Field(max_length=MOST_TAGS), BeforeValidator(_listed)] = ()
    """Words of the sender's own."""
    edited_sections: Annotated[tuple[SectionKey, ...], Field(max_length=len(SectionKey)), BeforeValidator(_listed)] = ()
    """The sections that were changed."""
    comment: OptionalText = None
    """What the engineer wrote."""


FEEDBACK_TYPES: dict[str, type[PackageFeedback]] = {"escalation.package_feedback.v1": PackageFeedback}
"""Every type of the topic, by its name on the wire."""
