"""The port of the model: one call, its answer, and the errors of a call that gets no answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from consumer.errors import EscalationError, Permanent, Transient
from schemas.packages import Caution, Usage


class Ending(StrEnum):
    """Why an answer ended. Only a complete answer can be used."""

    COMPLETE = "complete"
    EMPTY = "empty"
    """The answer ended normally, but holds no text."""
    CUT = "cut"
    """A limit of length cut the answer off."""
    REFUSED = "refused"
    """The model declined; the same prompt will be declined again."""
    UNEXPECTED = "unexpected"
    """The answer ended in a way that this call should not end in. It never counts as success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the dialogue. Its repr hides the text."""

    role: Literal["user", "assistant"]
    text: str

    def __repr__(self) -> str:
        return f"Turn({self.role}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: the static system prompt, the turns so far, and the JSON Schema of the answer."""

    model: str
    system: str
    turns: tuple[Turn, ...]
    answer_schema: Mapping[str, object]
    max_tokens: int
    """The most visible tokens that the answer may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, usable or not; each one has been paid for. Its repr hides the text."""

    text: str
    ending: Ending
    usage: Usage
    model: str
    """The name that the API gives, else the name of the model that was asked."""
    request_id: str | None

    def __repr__(self) -> str:
        return f"Answer({self.ending}, {len(self.text)} characters, {self.request_id})"


class ModelAway(Transient):
    """The model did not answer; it may later."""

    def __init__(self, message: str | None = None, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        """How long the API asks to wait, uncapped; None when it does not ask for a wait."""


class ModelBusy(ModelAway):
    """The API took no call and asks to wait: fewer calls at once."""


class ModelLocked(EscalationError):
    """The model cannot be used until somebody changes a key, a limit or a name."""


class PromptRefused(Permanent):
    """The API does not accept this prompt, now or later."""


class FormRefused(Permanent):
    """The API does not take the form of the calls, whatever they say. The model sends a plainer form from now on."""


class CallForbidden(EscalationError):
    """The tenant's policy or a budget forbids the call. Nothing was sent."""

    def __init__(self, caution: Caution) -> None:
        super().__init__(caution.value)
        self.caution = caution
        """What a package says that rules draft instead."""


ModelFault = ModelAway | ModelLocked | PromptRefused | FormRefused


class Model(Protocol):
    """A model that can be called."""

    async def draft(self, call: Call) -> Answer:
        """Calls the API once, with at most one request on the wire. Bounded in time.

        Raises ModelAway (ModelBusy, if the API asks to wait), ModelLocked, PromptRefused or FormRefused, and nothing
        else. None of their messages holds the prompt. A call that is repeated after FormRefused takes another form.
        """
