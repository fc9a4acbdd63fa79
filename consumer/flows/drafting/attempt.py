"""One attempt to obtain a draft for a bundle, and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost.usage import NOTHING_SPENT, Spent
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.review.violations import Scan
from consumer.domain.session.history import Basis
from consumer.domain.writing.ledger import Declined, DraftKey, LedgerEntry
from consumer.flows.drafting.calls.dialogue import ModelDialogue
from consumer.flows.drafting.ports import Claim
from schemas.packages import Caution


@dataclass(slots=True, kw_only=True)
class DraftAttempt:
    """A bundle that needs a draft. Claim and dialogue can be read while the attempt is under way."""

    key: DraftKey
    bundle: Bundle
    basis: Basis
    scan: Scan
    drafted_for: str
    """`<request id>/<revision>`. It may change during the call: a late answer belongs to the next revision."""
    now: Callable[[], datetime]
    left_seconds: Callable[[], float | None]
    """Until the first package has to be decided; None without a deadline, 0 after it."""
    force: bool = False
    probe: bool = False
    """This attempt may call while the model is away. A call that is answered ends the outage."""
    asked: bool = False
    """Whether it was looked already for what stands in the way of a call."""
    claimed_at: float = float("-inf")
    """By this process's clock, just before the claim was asked for."""
    refused: bool = False
    """The API did not take the prompt."""
    claim: Claim | None = None
    dialogue: "ModelDialogue[Stopped] | None" = None

    @property
    def spent(self) -> Spent:
        """What was paid so far."""
        if self.dialogue is None:
            return NOTHING_SPENT
        return Spent(calls=self.dialogue.calls, usage=self.dialogue.usage, checks=self.dialogue.checks_usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    entry: LedgerEntry
    rendered: Rendered | None = None
    """The entry's text, where it was rendered from the same bundle already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """The model gives no draft now; it may later."""

    doubted: bool = False
    """It is there, but refused this prompt, perhaps for what the prompt holds."""
    later: bool = False
    """It ails, and is not to be asked again soon."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim was lost, or what the draft was made from has changed."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The tenant's policy or a budget forbids a call. The next work on this bundle asks again."""

    caution: Caution


Stopped = Away | Lost
DraftOutcome = Drafted | Declined | Forbidden | Stopped
