"""What drafting needs of a model: one call, its answer, and the three ways in which it can fail to give one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from consumer.errors import EscalationError, Permanent, Transient
from schemas.packages import Usage


class Ending(StrEnum):
    """Why an answer ended; only the first is one that can be used."""

    COMPLETE = "complete"
    EMPTY = "empty"
    """Ended in order, and holds no text."""
    CUT = "cut"
    """Ended by a limit of length."""
    REFUSED = "refused"
    """The model declined; the same prompt will be declined again."""
    UNEXPECTED = "unexpected"
    """Ended in a way that this call cannot end in; never success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    role: Literal["user", "assistant"]
    text: str

    def __repr__(self) -> str:
        return f"Turn({self.role}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: a static system prompt, what is asked, and the form of the answer."""

    model: str
    system: str
    turns: tuple[Turn, ...]
    answer_schema: Mapping[str, object]
    max_tokens: int
    """Visible tokens of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, for better or worse; every one of them has been paid for."""

    text: str
    ending: Ending
    usage: Usage
    model: str
    """As the API names it; else the one that was asked."""
    request_id: str | None

    def __repr__(self) -> str:
        return f"Answer({self.ending}, {len(self.text)} characters, {self.request_id})"


class ModelAway(Transient):
    """The model did not answer; it may later."""

    def __init__(self, message: str | None = None, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        """As the API asked for, uncapped; None when it asked for nothing."""


class ModelLocked(EscalationError):
    """The model cannot be used until somebody changes a key, a limit or a name."""


class PromptRefused(Permanent):
    """The API does not accept this prompt, now or later."""


ModelFault = ModelAway | ModelLocked | PromptRefused


class Model(Protocol):
    async def draft(self, call: Call) -> Answer:
        """One call to the API, at most one request on the wire. Takes a bounded time.

        Raises ModelAway, ModelLocked or PromptRefused, and nothing else; none of them holds the prompt.
        """
