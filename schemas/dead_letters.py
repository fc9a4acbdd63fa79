"""What stands on a `.dlq` topic: why a record was refused, and a redacted excerpt. The original stays in its topic."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.envelope import Published

EXCERPT_BYTES = 2048
"""The contract's bound for an excerpt, in UTF-8 bytes."""


class RefusalReason(StrEnum):
    """Why a record could not be accepted; a closed set."""

    UNDECODABLE = "undecodable"
    """Null, empty, not UTF-8 or not JSON."""
    INVALID = "invalid"
    """A required field is missing or ill-typed; the error names it."""
    VERSION_CONFLICT = "version_conflict"
    """Another event already has this session version; the first stays."""
    TOO_LARGE = "too_large"
    """Over 1 MiB, nested over 64 levels, over 1,000 parameters, or in a batch that becomes over 128 MiB."""
    CORRUPT = "corrupt"
    """The broker hands it out damaged."""
    INTERNAL = "internal"
    """A fault of the service that only this record meets. A later release can take it: redrive it then."""


class DeadLetter(Published):
    """The value of a record on a `.dlq` topic; origin and time stand in its headers."""

    reason: RefusalReason
    """Why."""
    error: str
    """One line that names the field; no payload."""
    excerpt: Annotated[str, Field(max_length=EXCERPT_BYTES)]
    """The beginning of the record, secrets removed, at most 2 KiB of UTF-8."""
